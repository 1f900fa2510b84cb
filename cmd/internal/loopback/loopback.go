// Package loopback reports whether an address can be reached from this machine only.
//
// It resolves no names: localhost is the only name that counts as loopback.
package loopback

import (
	"net"
	"net/netip"
)

// Host reports whether a host name or IP address, without a port, is loopback.
func Host(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// Address reports whether an address of the form host:port is loopback.
func Address(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && Host(host)
}
