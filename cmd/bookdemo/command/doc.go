// Package command implements the command line of bookdemo: the demo of the whole
// system, and the generator of made-up histories.
//
// The demo never writes to a ledger that it did not create. The same flags give the
// same data. Everything except the data and the sign-in page is the code of the
// production program.
package command
