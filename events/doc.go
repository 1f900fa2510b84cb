// Package events defines the ledger's events: their types (consumer,
// delegation, agency and the ledger's own), the CloudEvents envelope, the
// strict check of a message, the NATS subjects, and the calendar of Friday
// cutoffs.
//
// [Checker.Check] and the JSON Schemas of package schemas accept exactly the
// same messages. A rejection never repeats a value of the message. Nothing here
// depends on the wall clock, the system's zone files or floating point.
// Package journal stores and orders events; the projections check them against
// each other.
package events
