// Package web combines the middleware, sign-in, the portal's pages, and the API
// into one HTTP handler.
//
// Every request to the pages and the API passes the middleware first. Callers are
// identified by the issuer only. Pages and API share one service, so they apply the
// same access rules. Packages portal and api define what is served. The daemon
// serves health and metrics.
package web
