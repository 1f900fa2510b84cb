// Package cli contains what the command lines of bookledger and bookdemo share:
// the environment of a command, flags that can also be set by environment
// variables and a configuration file, exit codes, and how times are read and
// written.
//
// It guarantees that wrong usage exits with 2 and a refusal with 3, and that a
// mistyped command or flag is named together with the closest one. It leaves the
// commands to the programs. bookaudit has a command line of its own.
package cli
