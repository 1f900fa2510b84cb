// Package fold implements the rules of the ledger as pure functions. A function
// takes the state of a case, an agent, an agency or a staff member and an event,
// and returns the next state or a rejection.
//
// A rejected event changes nothing, and the state passed in is never modified.
// State and its encoding depend only on the events. Storage, the clock and the
// order of events are left to callers.
//
// These are rules 1. A change that would check or apply an earlier record
// differently needs a new rules number; the code of rules 1 then stays.
package fold
