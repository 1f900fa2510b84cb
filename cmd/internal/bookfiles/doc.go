// Package bookfiles writes Books of Business to files.
//
// It guarantees that a file with a book's name is never incomplete, and that the
// books of a Friday have the same bytes no matter who writes them. It leaves to the
// commands which ledger the books come from and whether they may be exported.
package bookfiles
