package store

import (
	"bytes"
	"testing"
)

// TestBlankIDMatchesNothing checks that the prefix for a blank ID matches no entries,
// rather than the entries of all IDs. The prefix of a whole kind matches all its keys.
func TestBlankIDMatchesNothing(t *testing.T) {
	for name, c := range map[string]struct{ blank, one, key []byte }{
		"agent case":   {AgentCase("", ""), AgentCase("A1", ""), AgentCase("A1", "1")},
		"agency agent": {AgencyAgent("", ""), AgencyAgent("G1", ""), AgencyAgent("G1", "A1")},
		"person role":  {PersonRole("", ""), PersonRole("P1", ""), PersonRole("P1", "G1")},
		"case index":   {CaseIndex(""), CaseIndex("1"), AppendCaseIndex(nil, "1", 7)},
	} {
		if bytes.HasPrefix(c.key, c.blank) || !bytes.HasPrefix(c.key, c.one) {
			t.Errorf("%s: key %q must have the prefix %q and must not have the prefix %q", name, c.key, c.one, c.blank)
		}
	}
	for _, c := range [][2]Key{{Case(""), Case("1")}, {Agent(""), Agent("A1")}, {Agency(""), Agency("G1")}, {AllStaff(), Staff("G1", "P1")}} {
		if !bytes.HasPrefix(c[1], c[0]) {
			t.Errorf("key %q does not have the prefix %q", c[1], c[0])
		}
	}
}
