// Package synthetic makes up a history of agencies, agents, consumers and
// delegations that looks like the real thing, from the conversion of the cases
// on the first weekend over open enrollment to the rush before Friday's cutoff.
//
// The same [Config] gives the same bytes on any machine and any day, the ledger
// accepts every event but that of [Config.RejectedEvent], and memory grows by a few
// hundred bytes a case. Everything is made up, phone numbers and e-mail addresses
// within the ranges kept for examples; only the job aid's CAL TRAINING, cities,
// ZIP codes, counties and carriers exist. The caller decides where events go.
package synthetic
