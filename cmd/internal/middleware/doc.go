// Package middleware stands in front of the portal and the API. What
// comes is counted by address, and refused where it is too much or comes from
// another site's page; what leaves carries the security headers. It knows the
// client's address behind trusted proxies, keeps a request log at debug level,
// and turns a panic into an answer.
//
// It promises that neither its log nor its answers hold a path, a query, a
// body or what a panic said, and that the memory of its counters is bounded.
// Who a request's person is, and what they may do, is left to the handlers
// behind it.
package middleware
