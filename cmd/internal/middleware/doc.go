// Package middleware wraps the portal and the API. It limits the rate of requests
// per network address and per person, refuses requests sent by pages of other sites,
// and sets security headers on every response. It also finds the client's address
// behind trusted proxies, logs requests at debug level, and recovers from panics.
//
// Neither its log nor its responses contain a path, a query, a body or the value of a
// panic. The memory of its rate limiters is bounded. Handlers identify the person
// and decide what the person may do.
package middleware
