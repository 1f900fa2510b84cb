package store

import (
	"bytes"
	"testing"
)

// TestBlank holds that what belongs to a blank id is nothing, and not what belongs
// to anybody.
func TestBlankIDMatchesNothing(t *testing.T) {
	for name, c := range map[string]struct{ blank, one, key []byte }{
		"held":       {AgentCase("", ""), AgentCase("A1", ""), AgentCase("A1", "1")},
		"own":        {AgencyAgent("", ""), AgencyAgent("G1", ""), AgencyAgent("G1", "A1")},
		"role":       {PersonRole("", ""), PersonRole("P1", ""), PersonRole("P1", "G1")},
		"case index": {CaseIndex(""), CaseIndex("1"), AppendCaseIndex(nil, "1", 7)},
	} {
		if bytes.HasPrefix(c.key, c.blank) || !bytes.HasPrefix(c.key, c.one) {
			t.Errorf("%s: %q begins with %q, and must begin with %q alone", name, c.key, c.blank, c.one)
		}
	}
	for _, c := range [][2]Key{{Case(""), Case("1")}, {Agent(""), Agent("A1")}, {Agency(""), Agency("G1")}, {AllStaff(), Staff("G1", "P1")}} {
		if !bytes.HasPrefix(c[1], c[0]) {
			t.Errorf("%q does not begin with %q", c[1], c[0])
		}
	}
}
