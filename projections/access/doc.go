// Package access decides who may view, change and download what. One table
// lists what each role may do with an agent, an agency or the ledger.
//
// A decision depends only on the signed-in person and on the agents, agencies
// and staff that the ledger has now and had at a Friday. An auditor can
// therefore check an export again later. Whatever the table does not permit is
// refused. Sign-in and the texts shown to people are left to callers.
package access
