// Package command is the command line: one file for each subcommand, with its
// flags and its help, and the one place where errors become exit codes.
//
// It promises that data goes to standard output and everything else to
// standard error, and that no personal data stands in a message.
package command
