// Package identity says who somebody is: it signs people in with an OpenID
// Connect issuer, keeps their sessions, and checks the bearer tokens of the
// API.
//
// It promises that nobody is named whom the issuer has not vouched for, that
// a session ends at its limits and at sign-out for good, that nothing is
// remembered on the server for somebody who has not signed in, and that no
// error tells of tokens, codes or claims. Sessions live in the memory of one
// process: a restart ends them, and nodes behind a balancer need it to keep a
// browser at one of them. What people may see, and the pages around signing in
// and out, are left to others.
package identity
