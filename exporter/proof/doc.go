// Package proof writes and checks evidence about a Book of Business. Evidence
// shows that a workbook, or one row of it, is what the journal said at a Friday's
// cutoff. It is a bundle: a folder of files that an auditor can check offline.
//
// A bundle follows from the journal alone, and is written completely or not at
// all. Verify trusts nothing in a bundle, names the first difference, and reports
// what it did not prove. Callers decide which key and which dump they trust. Read
// bundle.go (files), make.go (dump to bundle), then verify.go (bundle to report).
package proof
