// Package identity signs people in with an OpenID Connect issuer, keeps their
// sessions, and checks the bearer tokens of the API.
//
// It names nobody for whom the issuer has not vouched, and ends a session for
// good at its limits and at sign-out. It keeps nothing on the server for somebody
// who has not signed in, and no error holds a token, a code or a claim. Sessions
// live in the memory of one process: a restart ends them, and a balancer must keep
// a browser at one node. What people may see, and the pages around signing in and
// out, are left to others.
package identity
