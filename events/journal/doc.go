// Package journal keeps the one ordered record of the ledger in a JetStream
// stream, either on a server that it runs in the process itself (a folder is
// all that it needs) or on an external one by URL.
//
// It promises that what [Journal.Append] has acknowledged is on disk, whole
// batches or nothing; that [Journal.Follow] and [Journal.Read] hand over every
// record once, in order and without a gap, or return an error that says why
// not; and that a stream, once it exists, begins with a genesis record that
// nobody could have come before.
//
// It knows subjects and bytes. What an event means, whether it is valid and
// when it counts as recorded is left to package events and to the projections;
// remembering a position is left to the caller.
//
// Where to look: journal.go opens and closes a ledger's journal, stream.go makes
// its stream, server.go runs the embedded server and says what clients may do
// there, disk.go keeps its disk from filling up, and follow.go follows. client.go
// connects to a journal elsewhere, append.go writes, and read.go reads.
package journal
