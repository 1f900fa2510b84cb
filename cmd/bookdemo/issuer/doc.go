// Package issuer implements the OpenID issuer of the demo: a sign-in page that
// offers a few made-up people, and the tokens for the chosen person.
//
// It asks for no password. Therefore it runs on loopback addresses only, says that
// it is a demo, and refuses requests to any other host name. It follows OpenID
// Connect: code flow with PKCE, single-use codes, and ES256 signatures with a key
// that lives as long as the process. Access is left to the ledger.
package issuer
