// Package replay derives the ledger anew from a sequence of records, in
// memory and without any store: what an auditor does with a dump. A replay is
// walked step by step: each cutoff, while the state is as of it, and each record.
//
// It promises the same lists, books, rejections, checkpoints and state hashes
// as the serving projection, up to any Friday or moment, and trusts nothing
// but the records. Whose questions they answer is left to the caller.
package replay
