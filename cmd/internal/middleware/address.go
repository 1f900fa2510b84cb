package middleware

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// requestInfo is what is known of a request on its way, in its context.
type requestInfo struct {
	client  netip.Addr // not valid where the peer has no IP address
	pattern string     // the route, where the handlers told it
}

type requestInfoKey struct{}

// requestInfoOf is never nil.
func requestInfoOf(ctx context.Context) *requestInfo {
	if p, ok := ctx.Value(requestInfoKey{}).(*requestInfo); ok {
		return p
	}
	return &requestInfo{}
}

// Address is the address of the client whose request the context belongs to,
// as text; "" where it has none or did not come through the middleware.
func Address(ctx context.Context) string {
	if p := requestInfoOf(ctx); p.client.IsValid() {
		return p.client.String()
	}
	return ""
}

// clientAddress is the address from which a request comes: that of the TCP peer or,
// where this is a trusted proxy, the right-most of X-Forwarded-For that is
// none. What stands left of it could have been written by anybody. Where the
// header ends, or cannot be read on, it is the last proxy that can be told.
func clientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	isTrusted := func(a netip.Addr) bool {
		return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	at := parseAddress(r.RemoteAddr)
	if !at.IsValid() || !isTrusted(at) {
		return at
	}
	// Several headers are one list.
	headers := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, last := range slices.Backward(headers) {
		next := parseAddress(strings.TrimSpace(last))
		if !next.IsValid() {
			return at
		}
		if at = next; !isTrusted(at) {
			return at
		}
	}
	return at
}

// parseAddress reads an address with or without a port. Zones are dropped,
// which are text that anybody may choose.
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

// counterKey is under what an address is counterKey: an IPv6 client has its whole
// /64 to choose from. All without an IP address are one.
func counterKey(a netip.Addr) string {
	if a.Is6() {
		return netip.PrefixFrom(a, 64).Masked().String()
	}
	return a.String()
}
