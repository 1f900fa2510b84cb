// Package synthetic generates made-up histories of agencies, agents, consumers and
// delegations. A history starts with the conversion of existing cases and includes
// open enrollment and the rush before each cutoff.
//
// The same [Config] generates the same bytes on every machine and day. The ledger
// accepts every event except that of [Config.RejectedEvent]. Memory use is a few
// hundred bytes a case. Phone numbers and email addresses are from the ranges
// reserved for examples. Only the job aid's CAL TRAINING, and the cities, ZIP codes,
// counties and carriers are real.
package synthetic
