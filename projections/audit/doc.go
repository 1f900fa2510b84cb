// Package audit answers what auditors ask of a ledger: how a case became what
// it is, what made the book of one Friday another than that of an earlier one,
// whether an export was allowed, and what book a dump makes. Commands, pages and
// the API show its answers.
//
// It promises the same answer, in one published form, of a view of the
// projection (Projected) and of a dump that verifies (Dump). What decides a row
// is told to it by projections/provenance. Who may ask, and what a page or a line
// looks like, it leaves to others.
package audit
