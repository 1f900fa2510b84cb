package book

import (
	"maps"
	"slices"
	"testing"
)

// TestCanonicalFormHasEveryField checks that the canonical form of rules 1
// contains every field of a row once. A new field needs a new rules number.
func TestCanonicalFormHasEveryField(t *testing.T) {
	if got, want := slices.Sorted(slices.Values(canonicalFields)), slices.Sorted(maps.Keys(fields)); !slices.Equal(got, want) {
		t.Errorf("got fields %q, want %q", got, want)
	}
}
