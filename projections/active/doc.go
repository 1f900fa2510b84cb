// Package active provides the state of each agent's consumers from the store: which
// cases relate to an agent; the cases, agents, agencies and staff as of any week; and
// a cache of live lists.
//
// All reads of one State are consistent. A case is found under an agent as of a
// Friday exactly if it was related to that agent then. A cached list equals the list
// that would be built from scratch. Package fold defines how events change the state,
// and package projections follows the journal.
package active
