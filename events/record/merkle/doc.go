// Package merkle implements the RFC 6962 Merkle tree of the journal. Its leaves
// are the records' leaf hashes in the order of the record: sequence 1 is leaf 0.
// Hashes are kept in tiles of 256, each of which holds the lowest level of a
// subtree; the levels up to the next tile are computed where they are needed.
//
// Roots and proofs are the ones of golang.org/x/mod/sumdb/tlog, for every size
// that the tree ever had. Appending a leaf costs one inner hash on average.
// Callers decide where tiles are kept.
package merkle
