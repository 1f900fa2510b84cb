// Package cli is what the command lines of bookledger and bookdemo have in common:
// the environment of a command, flags that also come from variables and a file,
// the exit codes, and how times are read and written.
//
// It guarantees that a wrong call exits with 2 and a refusal with 3. The commands
// themselves are left to the programs; bookaudit has a command line of its own.
package cli
