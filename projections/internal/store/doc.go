// Package store stores versioned values in Pebble. The key of a value consists of a
// name and the Friday whose book first shows the value, newest first. The state of
// every past Friday therefore stays readable, and passing a cutoff copies nothing.
//
// A batch is applied as a whole or not at all, even after a crash. A crash may lose
// the newest batches; their records can be read again from the journal. Callers
// define what the values mean.
package store
