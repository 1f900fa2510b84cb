// Package fold holds the rules of the ledger, as pure functions: a case, an
// agent, an agency or a staff member as it is, and an event, give what it is
// next, or the domain's refusal.
//
// It promises that a refused event changes nothing, that the state given is
// never written to, and that state and its encoding depend on the events
// alone. It knows nothing of storage, of the clock or of any order but that
// in which it is called. These are rules 1: a change that would judge or fold an
// earlier record differently is a new number, beside which the old rules stay.
package fold
