// Package admission takes records in the order of the journal and says what
// becomes of each: the order of judgement, recorded time, the passing of
// Fridays and the counts. The serving projection and the auditors' replay
// both judge through it, each over its own state: Decide says what becomes of a
// record and which cutoffs it passes, Put applies that.
//
// It promises that no upstream event stops it: whatever a message holds, the
// verdict is an outcome. An error is one of the state, or of a genesis or
// change of rules, which the ledger alone writes, that this release does not
// hold: to go on would be to judge wrongly. The rules themselves are fold's.
package admission
