// Package journal stores the ordered records of the ledger in a JetStream stream.
// [Open] runs an embedded server or uses an external one. [Connect] connects to a
// journal that another process runs.
//
// Append returns when a batch is on disk; a batch is stored whole or not at all.
// Follow and Read deliver every record once, in order and without a gap, or
// return an error. Nobody can publish before the genesis record is stored. The
// package handles subjects and bytes: package events and the projections
// interpret the events, and callers keep their position.
package journal
