// Package record is a record of the journal as a value: an event's message
// with the sequence, the stamp and the subject under which JetStream holds
// it. It gives the record's line of NDJSON, the leaf that stands for it in the
// journal's Merkle tree, and its recorded time, from which the Friday to
// which it belongs follows.
//
// It promises that a line read back is the record that was written, byte for
// byte, and that recorded times depend on the journal alone. Where records
// come from and what they do is left to journal and projections.
package record
