// Package replay derives a ledger from a sequence of records, in memory and
// without a store. Auditors use it to read a dump. A replay yields one step at
// a time: each cutoff, with the state as of that cutoff, and each record.
//
// For any Friday or moment it produces the same lists, books, rejections,
// checkpoints and state hashes as the serving projection. It trusts only the
// records. What to ask of the result is left to the callers, such as package
// audit.
package replay
