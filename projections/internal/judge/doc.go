// Package judge takes records in the order of the journal and says what
// becomes of each: the order of judgement, recorded time, the passing of
// Fridays and the counts. The serving projection and the auditors' replay
// both judge through it, each over its own state.
//
// It promises that no event stops it: whatever a message holds, the verdict
// is an outcome, and an error is one of the state alone. The rules themselves
// are fold's.
package judge
