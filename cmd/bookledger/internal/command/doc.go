// Package command is the command line of bookledger: each subcommand with its
// flags, its help and its run. Package cli turns errors into exit codes.
//
// It promises that data goes to standard output and everything else to
// standard error, and that no personal data stands in a message.
package command
