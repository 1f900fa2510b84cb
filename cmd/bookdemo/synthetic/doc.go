// Package synthetic makes up a history of agencies, agents, consumers and
// delegations that looks like the real thing: the material of `bookdemo
// generate` and `bookdemo`. It plays through weeks of an exchange's
// life, from the conversion of the cases on the first weekend over open
// enrollment to the rush before Friday's cutoff, and says each thing that
// happens as an event, in the order of recorded time.
//
// It promises that the same [Config] gives the same bytes on any machine and
// any day, that the ledger accepts every event but that of [Config.Wrong], and
// that memory grows by about a hundred bytes a case, however many weeks there
// are. Except for the job aid's CAL TRAINING, who is in every world, people and
// streets are made up, phone numbers are of the range kept for fiction and
// e-mail addresses of the example domains; only cities, ZIP codes, counties
// and carriers exist. Where the events go is left to the caller.
package synthetic
