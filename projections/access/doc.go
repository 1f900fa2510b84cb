// Package access decides who may see, do and take what: one table of what each
// role permits with an agent, an agency or the ledger.
//
// A decision rests on who somebody is, as their sign-in says, and on what the
// ledger knows of agents, agencies and staff, now and as of a Friday. So an
// auditor can decide again whether an export was allowed. What no line of the
// table permits is refused. How people sign in and what they are told is left
// to others.
package access
