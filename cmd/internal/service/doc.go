// Package service implements the use cases behind the portal and the API:
// listing consumers, acting on delegations, transferring consumers, exporting
// books, and explaining them to auditors.
//
// Package access authorizes every request against the current state of the
// ledger. Viewing a consumer is written to the access log before anything is
// shown. An action returns once the lists show it. The export trail is on disk
// before the first byte of a book is sent. Sign-in, HTTP and the format of
// responses are left to the callers.
package service
