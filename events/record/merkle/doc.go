// Package merkle is the Merkle tree of the journal, of RFC 6962: its leaves are
// the records' leaf hashes, in the order of the record, so that sequence 1 is
// leaf 0. Hashes are kept in tiles of 256, of which each stands for the whole
// subtree under it; what lies between two levels of tiles is computed again
// where it is needed.
//
// It promises roots and proofs that golang.org/x/mod/sumdb/tlog and every
// other reader of RFC 6962 finds right, for each size that the tree ever had,
// and that taking a leaf in costs one hash of an inner node on average. Where
// tiles are kept is left to its callers.
package merkle
