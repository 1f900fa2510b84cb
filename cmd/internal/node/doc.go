// Package node opens the data folder in which a ledger lives: it locks it, opens
// the journal and the projection, and makes the genesis of a new ledger with the
// key of its seals. It keeps what was found when the two were compared.
//
// It guarantees that two processes never have one folder open, and that a folder
// is free again as soon as its process is gone, however it ended. What is done
// with the open node is left to the commands and the daemon.
package node
