package middleware

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// requestInfo is what the middleware knows about a request. It is in the request's
// context.
type requestInfo struct {
	client  netip.Addr // not valid if the peer has no IP address
	pattern string     // the route, if RecordRoute recorded it
}

type requestInfoKey struct{}

// requestInfoOf returns the info in the context, or a new one if there is none.
func requestInfoOf(ctx context.Context) *requestInfo {
	if p, ok := ctx.Value(requestInfoKey{}).(*requestInfo); ok {
		return p
	}
	return &requestInfo{}
}

// Address returns the network address of the client that sent the context's request.
// It returns "" if the client has none or the request did not pass the middleware.
func Address(ctx context.Context) string {
	if p := requestInfoOf(ctx); p.client.IsValid() {
		return p.client.String()
	}
	return ""
}

// clientAddress returns the address that a request comes from. That is the TCP peer or,
// if the peer is a trusted proxy, the right-most address in X-Forwarded-For that is not
// one; anybody could have written what is left of it. If the header ends or contains
// something else before such an address, it is the last trusted proxy.
func clientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	isTrusted := func(a netip.Addr) bool {
		return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	current := parseAddress(r.RemoteAddr)
	if !current.IsValid() || !isTrusted(current) {
		return current
	}
	// HTTP defines several headers of one name as one list.
	headers := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, last := range slices.Backward(headers) {
		next := parseAddress(strings.TrimSpace(last))
		if !next.IsValid() {
			return current
		}
		if current = next; !isTrusted(current) {
			return current
		}
	}
	return current
}

// parseAddress parses an address with or without a port. It drops zones, because clients
// can choose any text for them.
func parseAddress(text string) netip.Addr {
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr().Unmap().WithZone("")
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// counterKey returns the key under which requests of an address are counted. An IPv6
// client may use any address of its /64, so all of them share one key. So do all clients
// without an IP address.
func counterKey(a netip.Addr) string {
	if a.Is6() {
		return netip.PrefixFrom(a, 64).Masked().String()
	}
	return a.String()
}
