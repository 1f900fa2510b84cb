package loopback_test

import (
	"testing"

	"bookledger/cmd/internal/loopback"
)

func TestAddress(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:80": true, "127.9.9.9:0": true, "[::1]:80": true, "localhost:80": true, "[::ffff:127.0.0.1]:80": true,
		"0.0.0.0:80": false, "[::]:80": false, ":80": false, "10.0.0.1:80": false, "books.example:80": false,
		"127.0.0.1": false, "localhost": false, "": false, "127.0.0.1.example:80": false,
	} {
		if got := loopback.Address(address); got != want {
			t.Errorf("Address(%q): got %v, want %v", address, got, want)
		}
	}
}
