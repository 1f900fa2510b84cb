// Package loopback tells addresses that only this machine reaches from others.
//
// It trusts no resolver: of the names only localhost is one.
package loopback

import (
	"net"
	"net/netip"
)

// Host reports whether a host name or address, without a port, is one that only
// this machine reaches.
func Host(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// Address reports whether a host and port is one that only this machine reaches.
func Address(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && Host(host)
}
