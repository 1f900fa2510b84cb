// Package daemon runs an open node: it keeps the projection up to date with the
// journal, appends a clock event if no record follows a cutoff, seals past Fridays,
// and serves health, readiness and metrics over HTTP.
//
// It guarantees that it ends with an error when the journal or the disk fails in a
// way that an operator must look at. It leaves the portal and the API to package web.
package daemon
