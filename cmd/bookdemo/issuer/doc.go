// Package issuer is the demo's own OpenID issuer: a page on which one of a
// few made-up people is chosen, and the tokens that say so.
//
// It asks for no password, and so promises to stand on a loopback address
// alone, to say plainly that it is a demo, and to answer no other host name
// than its own. For everything else it keeps to OpenID Connect: the code flow
// with PKCE, codes that work once, ES256 signatures with a key that lives as
// long as the process. What the people may see is left to the ledger.
package issuer
