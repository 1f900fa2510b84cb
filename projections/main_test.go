package projections_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain sets rapid's default number of random histories to 25, unless
// BOOKLEDGER_LONG is set. The flag -rapid.checks overrides it. A failed test names
// the seed that repeats it.
func TestMain(m *testing.M) {
	if os.Getenv("BOOKLEDGER_LONG") == "" {
		if err := flag.Set("rapid.checks", "25"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
