// Package audit answers auditors' questions about a ledger: how a case reached
// its state, why the books of two Fridays differ, whether an export was
// allowed, and which book a dump contains. Commands, pages and the API show the
// results.
//
// The results are the same, in one published form, for a view of the projection
// (LiveLedger) and for a dump that verifies (Dump). Package provenance decides
// which records decided a row. Access and presentation are left to others.
package audit
