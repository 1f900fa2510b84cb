// Package replay derives the ledger anew from a sequence of records, in
// memory and without any store: what an auditor does with a dump.
//
// It promises the same lists, books, rejections, checkpoints and state hashes
// as the serving projection, up to any Friday or moment, and trusts nothing
// but the records. Where these come from is left to the caller.
package replay
