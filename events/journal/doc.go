// Package journal keeps the one ordered record of the ledger in a JetStream stream,
// on a server inside the process (journal.go, stream.go, server.go, disk.go) or on
// an external one, and connects to a journal elsewhere (client.go).
//
// Append (append.go) returns when a batch is on disk, whole or not at all. Follow and
// Read (follow.go, read.go) hand over every record once, in order and without a gap,
// or return an error that says why not. A stream begins with a genesis record before
// which nobody can publish. The package knows subjects and bytes: what an event means
// is left to package events and the projections, positions to the caller.
package journal
