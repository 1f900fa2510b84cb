// Package provenance explains a case from the records about it: which book
// first shows each record, which records decided a row or keep the case out of
// a book, and which records made the books of two Fridays differ.
//
// All three follow from one question: what would the case be without a record,
// if all later records were processed again? A record decided a row if the row
// would be different without it, or if it was the last to write a section that
// the row shows. The package is pure: the same records always have the same
// explanation. The projections and package replay find the records.
package provenance
