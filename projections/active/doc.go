// Package active is the live state of each agent's consumers as the store
// holds it: which cases are something to an agent, the cases, agents and
// agencies themselves as of any week, who belongs to which agency, and the
// lists that were asked for lately, kept until something in them changes.
//
// It promises that what is read of one State is of one moment, that a case is
// found under an agent as of a Friday exactly if it was that agent's then, and
// that a kept list is the one that would be made anew. Which events come to
// this is left to fold, following the journal to the projections.
package active
