// Package merkle implements the RFC 6962 Merkle tree of the journal. Its leaves
// are the leaf hashes of the records in order: sequence 1 is leaf 0. Hashes are
// stored in tiles of 256. A tile contains only the lowest level of its subtree;
// the higher levels are computed when needed.
//
// Roots and proofs equal those of golang.org/x/mod/sumdb/tlog, for every size
// that the tree has had. Appending a leaf costs one inner hash on average.
// Callers store the tiles.
package merkle
