// Package provenance explains a case by its records: in which book each record
// first showed, which ones decided a row or keep the case out of a book, and
// which ones made the books of two Fridays differ.
//
// One question answers all three: what would the case be without one record,
// with all later ones judged anew? A record decided a row if the row would
// differ without it, or if it was the last to write a section that the row shows.
// The package is pure: the same records give the same answer. Finding them is
// left to the projections and to replay.
package provenance
