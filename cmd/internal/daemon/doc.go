// Package daemon runs an open node: it keeps the projection up with the journal,
// nudges time on when a cutoff has passed in silence, seals the Fridays that have
// passed, and answers health, readiness and metrics over HTTP.
//
// It guarantees to end with an error, and not to go on, when the journal or the
// disk fails in a way that an operator has to look at.
package daemon
