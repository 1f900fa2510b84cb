// Package active is the live list of each agent's consumers as the store
// holds it: which cases are something to an agent, the cases, agents and
// agencies themselves as of any week, and reads of the Active Consumers list
// with its filters and sorts.
//
// It promises that what is read of one State is of one moment, and that a
// case is found under an agent as of a Friday exactly if it was that agent's
// then. Which events come to this is left to fold, following the journal to
// the projections.
package active
