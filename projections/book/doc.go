// Package book says what is seen of the ledger: the entry of a case in an
// agent's lists of active, inactive and pending consumers, the rows of a case
// in a Book of Business, the book itself, their order, filters and search, and
// the canonical form whose hash proves that two copies of a ledger agree.
//
// It is pure: it reads cases and agents from whatever holds them and promises
// the same list, book and hash for the same state. Storing state is left to
// the projections, making a workbook to the exporter.
package book
