// Package bookfiles writes Books of Business into files.
//
// It guarantees that there is never half a book under a book's name, and that
// the books of a Friday have the same bytes whoever writes them. Which ledger
// they are read from, and whether they may leave it, is left to the commands.
package bookfiles
