// Package book builds Books of Business. It defines the rows that a case has in a
// book, their order, the differences between two books, and the canonical forms
// that are hashed.
//
// The package is pure: the same cases and agents produce the same book and the
// same hashes, so two copies of a ledger can be compared. Storing state is left to
// the projections, and writing workbooks to the exporter.
package book
