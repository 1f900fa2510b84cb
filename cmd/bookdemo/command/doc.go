// Package command is the demo's command line: the whole system at once on
// made-up data, and the histories that go with it.
//
// It guarantees that it never writes into a ledger that no demo has begun, and
// that the same flags give the same world. The parts that it shows are those
// of the production program.
package command
