// Package service implements the use cases behind the portal and the API:
// listing consumers, acting on delegations, transferring consumers, exporting
// books, and explaining them to auditors.
//
// Package access decides every request on the ledger as it is at that moment.
// Every look is in the access log before anything is shown, an action is answered
// once the lists show it, and the trail of an export is on disk before a byte of
// the book leaves. Sign-in, HTTP and the form of the answers are left to others.
package service
