// Package service does what people ask of the ledger: it shows lists and cases,
// takes actions and transfers, and hands out books. The portal's pages and the
// interface are two faces of it.
//
// It promises that whatever is asked is decided by package access on the
// ledger as it is at that moment, that every look is written to the access log
// before it is shown, that an action is answered when the lists show it, and
// that the trail of an export is on disk before a byte of it leaves. It leaves
// signing in, HTTP and the form of the answers to others.
package service
