// Package book makes Books of Business: what a case shows of itself, the rows
// that it has in a book, their order, the differences between two books, and
// the canonical forms whose hashes prove that two copies of a ledger agree.
//
// It is pure: the same cases and agents give the same book and hash. Storing
// state is left to the projections, making a workbook to the exporter.
package book
