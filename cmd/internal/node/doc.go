// Package node opens the data folder of a ledger: it locks the folder, opens the
// journal and the projection, and writes genesis and the seal key of a new ledger. It
// saves an integrity violation that was found.
//
// It guarantees that two processes never have the same folder open, and that a folder
// is free as soon as its process has ended, however it ended. It leaves to the
// commands and the daemon what to do with an open node.
package node
