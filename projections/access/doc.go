// Package access holds who may see and do what. It is decided on every request
// from two things alone: who somebody is, as the issuer says, and what the
// ledger says of agents, agencies and staff at that moment.
//
// It promises to be the one place where that is decided, to grant nothing that
// no rule names, and to know nothing of how people sign in or ask.
package access
