// Package treehead implements signed tree heads of the journal's Merkle tree:
// C2SP tlog-checkpoints with the origin, the number of records and the root,
// signed with one or more Ed25519 keys. It also implements proofs that a signed
// head includes a record, or is consistent with an earlier head.
//
// Every head and proof has exactly one accepted encoding, and [Open] returns a
// head only if the given key signed it. [Keys] tracks the changes of a ledger's
// key. Callers decide which ledger to trust. The C2SP term checkpoint is not used
// because in this project a checkpoint belongs to a Friday.
package treehead
