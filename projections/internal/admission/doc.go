// Package admission processes the records of a journal in order. It defines the
// order of checks, recorded time, the passing of cutoffs, and the counts. Decide
// determines a record's outcome and the cutoffs it passes; Apply applies it. The
// serving projection and the auditors' replay both use it, each with its own state.
//
// No upstream event stops it: whatever a message contains, the result is an
// outcome. It returns an error only if the state does, or if a genesis or rules
// record, which only bookledger writes, needs a newer release; continuing would
// produce wrong results. Package fold defines the rules for cases and agencies.
package admission
