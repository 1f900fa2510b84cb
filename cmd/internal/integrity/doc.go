// Package integrity compares the whole journal with what was applied: once at
// startup and then every day, in the background and at a limited rate. A difference
// is an integrity violation. The monitor logs it as an error and reports it from
// then on.
//
// It guarantees that a violation lasts until a comparison of the whole journal after
// a restart finds none, and that an unreachable journal is no violation. It leaves
// to the daemon and the service what to stop after a violation.
package integrity
