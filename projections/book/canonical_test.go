package book

import (
	"maps"
	"slices"
	"testing"
)

// TestCanonicalFormHasEveryField holds that the canonical form of rules 1 has every field
// once that books have today. A field that is new needs rules of its own.
func TestCanonicalFormHasEveryField(t *testing.T) {
	if got, want := slices.Sorted(slices.Values(canonicalFields)), slices.Sorted(maps.Keys(fields)); !slices.Equal(got, want) {
		t.Errorf("the canonical form holds %q, books have %q", got, want)
	}
}
