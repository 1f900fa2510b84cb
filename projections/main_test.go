package projections_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain draws fewer random histories than rapid would, unless BOOKLEDGER_LONG
// is set or the flag -rapid.checks says how many. A failure names its seed.
func TestMain(m *testing.M) {
	if os.Getenv("BOOKLEDGER_LONG") == "" {
		if err := flag.Set("rapid.checks", "25"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
