// Package treehead is what a ledger publishes about the tree of its journal: heads
// (origin, number of records, root) as signed checkpoints of C2SP tlog-checkpoint,
// and proofs that a record or an earlier head is under a head. Signatures are
// Ed25519 signed notes. Several keys can sign a head.
//
// A head or proof is read in one spelling only, and a head is returned only if the
// key that was asked for has signed it. Keys follows the changes of a ledger's
// key; callers decide which ledger they trust. C2SP's checkpoint is called a head
// here because a checkpoint of ours belongs to a Friday.
package treehead
