// Package cli is what the programs' command lines have in common: the
// environment of a command, flags that also come from variables and a file,
// the exit codes, and how times and addresses are read and written.
//
// It guarantees that a wrong call exits with 2 and a refusal with 3, whichever
// program was called. The commands themselves are left to the programs.
package cli
