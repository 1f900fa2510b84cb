// Package proof makes evidence that a Book of Business, or one row of it, is
// what the record said at a Friday's cutoff, and checks such evidence. Evidence
// is a bundle: a folder of files, which auditors take away and check offline.
//
// A bundle is made of a record alone, twice the same bytes, and written whole or
// not at all. Its check trusts nothing in it, names the first difference, and
// says what it has not shown. Whose key has signed, and where the record comes
// from, is left to callers.
//
// Read bundle.go (the files), then make.go (record to bundle) and verify.go
// (bundle to verdict): derive.go replays the record, statement.go is the seal
// under a signed head, and records.go, rows.go, row.go and compare.go are what
// the kinds of bundles add.
package proof
