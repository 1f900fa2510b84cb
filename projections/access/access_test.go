package access_test

import (
	"errors"
	"testing"

	"bookledger/projections/access"
	"bookledger/projections/fold"
)

// town is a ledger of two agencies: G1 with the certified agent A1 and the
// decertified A2, G2 with A3; A9 was named by a delegation alone.
type town struct{}

func (town) Agent(id string) (fold.Agent, bool, error) {
	agents := map[string]fold.Agent{
		"A1": {AgencyID: "G1", Named: true, Certified: true},
		"A2": {AgencyID: "G1", Named: true},
		"A3": {AgencyID: "G2", Named: true, Certified: true},
		"A9": {},
	}
	a, known := agents[id]
	return a, known, nil
}

func (town) Agency(id string) (fold.Agency, bool, error) {
	return fold.Agency{Registered: true}, id == "G1" || id == "G2", nil
}

func (town) Staff(agency, person string) (fold.Staff, bool, error) {
	roles := map[string]string{"P-m": "manager", "P-1": "admin_l1", "P-2": "admin_l2"}
	role, known := roles[person]
	return fold.Staff{Role: role}, known && agency == "G1", nil
}

var people = map[string]access.Person{
	"agent":       {ID: "P-a1", AgentID: "A1"},
	"decertified": {ID: "P-a2", AgentID: "A2"},
	"unknown":     {ID: "P-a9", AgentID: "A9"},
	"manager":     {ID: "P-m"},
	"admin_l1":    {ID: "P-1"},
	"admin_l2":    {ID: "P-2"},
	"auditor":     {ID: "P-x", Auditor: true},
	"operator":    {ID: "P-o", Operator: true},
	"nobody":      {ID: "P-n"},
	"nameless":    {},
	"both":        {ID: "P-m", AgentID: "A1"},
	"watched":     {ID: "P-a1", AgentID: "A1", Auditor: true},
}

// letters are what a grant permits, in one word.
func letters(g access.Grant) string {
	s := string(g.Role) + ":"
	for _, p := range [...]struct {
		may    bool
		letter string
	}{{g.Act, "a"}, {g.Transfer, "t"}, {g.AnyBook, "b"}} {
		if p.may {
			s += p.letter
		}
	}
	return s
}

// TestWhoMayWhat goes through everybody and everything: what is not in the
// table is open to nobody.
func TestWhoMayWhat(t *testing.T) {
	agents := map[string]map[string]string{
		"A1": {"agent": "agent:a", "both": "agent:atb", "watched": "agent:ab", "manager": "manager:atb", "admin_l2": "admin_l2:tb", "admin_l1": "admin_l1:b", "auditor": "auditor:b"},
		"A2": {"manager": "manager:tb", "both": "manager:tb", "admin_l2": "admin_l2:tb", "auditor": "auditor:b", "watched": "auditor:b", "operator": "operator:b"},
		"A3": {"auditor": "auditor:b", "watched": "auditor:b"},
		"A9": {"auditor": "auditor:b", "watched": "auditor:b", "operator": "operator:b"},
		"A0": {},
		"":   {},
	}
	agencies := map[string]map[string]string{
		"G1": {"manager": "manager:atb", "both": "manager:atb", "admin_l2": "admin_l2:tb", "admin_l1": "admin_l1:b", "auditor": "auditor:b", "watched": "auditor:b"},
		"G2": {"auditor": "auditor:b", "watched": "auditor:b"},
		"G0": {},
		"":   {},
	}
	for name, p := range people {
		for id, want := range agents {
			g, err := access.OfAgent(town{}, p, id)
			hold(t, name+" of agent "+id, g, err, want[name])
		}
		for id, want := range agencies {
			g, err := access.OfAgency(town{}, p, id)
			hold(t, name+" of agency "+id, g, err, want[name])
		}
		_, err := access.OfLedger(p)
		if may := p.Auditor || p.Operator; may != (err == nil) {
			t.Errorf("%s of the ledger's figures: %v", name, err)
		}
	}
}

func hold(t *testing.T, what string, g access.Grant, err error, want string) {
	t.Helper()
	switch {
	case want == "" && !errors.Is(err, access.ErrNone):
		t.Errorf("%s: %s (%v), want nothing", what, letters(g), err)
	case want != "" && (err != nil || letters(g) != want):
		t.Errorf("%s: %s (%v), want %s", what, letters(g), err, want)
	}
}
