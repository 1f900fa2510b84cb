// Package portal serves the web pages on which agents and agency staff view,
// act on, and transfer consumers and download books, and on which auditors and
// operators inspect the ledger.
//
// Every page works without script and with the keyboard only. No personal data
// appears in a URL, a log, or an error page: typed searches are kept in the
// session. Text from other systems is always escaped. Package service decides
// what a caller may see and do, [Options.Caller] identifies the caller, and
// package middleware sets the security headers.
package portal
