// Package problem holds what can go wrong with a request, in words that are
// safe to show, and with the status by which HTTP tells it.
//
// It promises that no problem holds personal data, and that its types are
// stable. How a problem is written, as JSON or as a page, is the caller's.
package problem
