// Package record defines a record of the journal as a value: an event's message
// with the sequence, stamp and subject under which JetStream holds it. From it
// follow the record's line of NDJSON, its leaf in the journal's Merkle tree, and
// its recorded time, which decides the Friday that it belongs to.
//
// A line that is read back is the record that was written, byte for byte, and
// recorded times depend on the journal alone. The journal says where records come
// from, and the projections what they do.
package record
