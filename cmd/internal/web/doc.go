// Package web puts the parts of the portal together: the middleware in front,
// then sign-in, and behind it the pages and the API, which share one service.
//
// It guarantees that nothing below / or /v1/ is reached but through the
// middleware, and that whoever is shown anything has been named by the issuer.
// It leaves what is shown to packages portal and api, and health and metrics to
// the daemon.
package web
