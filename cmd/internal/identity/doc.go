// Package identity signs people in with an OpenID Connect issuer, keeps their
// sessions, and checks the bearer tokens of the API.
//
// It returns only people for whom the issuer vouches. A session ends at its
// limits and at sign-out, and never resumes. The server keeps nothing for
// people who have not signed in, and no error contains a token, a code or a
// claim. Sessions are in the memory of one process: a restart ends them, and a
// load balancer must keep a browser on one node. Access and the pages around
// sign-in are left to others.
package identity
