// Package events holds what may be said to the ledger: the event types of the
// field (consumers, delegations, agencies) and the ledger's own, their
// CloudEvents envelope, the strict reading and checking of a message, the
// subjects that carry them, and the calendar of Friday cutoffs.
//
// It promises that [Checker.Check] and the JSON Schemas of package schemas
// accept exactly the same messages, that a refusal never repeats a value of
// the message, and that nothing here depends on the wall clock, the system's
// zone files or floating point. Storing, ordering and judging events against
// each other is left to journal and projections.
package events
