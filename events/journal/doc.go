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
// Where to look: journal.go opens and closes, stream.go makes the stream,
// server.go runs the embedded server and says what an unauthenticated client
// may do there, gate.go and pull.go check the requests of such clients that
// need checking, append.go writes, follow.go and read.go read, and consume.go
// is the server's end of a Follow.
package journal
