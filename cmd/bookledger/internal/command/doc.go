// Package command implements the command line of bookledger: each subcommand with its
// flags, its help text and its run function. Package cli turns errors into exit
// codes.
//
// It guarantees that data goes to standard output and everything else to standard
// error, and that no message contains personal data.
package command
