// Package proof makes evidence that a Book of Business, or one row of it, is
// what the record said at a Friday's cutoff, and checks such evidence. Evidence
// is a bundle: a folder of files, which auditors take away and check offline.
//
// A bundle follows from the record alone and is written whole or not at all. Its
// check trusts nothing in it, names the first difference, and says what it has
// not shown. Callers know whose key has signed and where the record comes from.
// Read bundle.go (the files), then make.go (record to bundle) and verify.go
// (bundle to verdict).
package proof
