// Package record defines one record of the journal as a value: an event's
// message with the sequence, stamp and subject that JetStream assigned. It
// derives the record's NDJSON line, its leaf in the journal's Merkle tree, and
// its recorded time, which decides the record's Friday.
//
// A line parses back to the same record, byte for byte. Recorded times depend
// only on the journal. Package journal reads and writes records; the projections
// apply them.
package record
