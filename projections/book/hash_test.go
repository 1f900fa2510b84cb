package book_test

import (
	"errors"
	"testing"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// smallState returns a new copy of a small state.
func smallState() *memoryState {
	l := newState()
	l.hold("1", "a1", fullCase())
	l.hold("2", "a2", withMembers(named("Bo", "Chen"), "m1", "m2"))
	l.agents["a1"] = fold.Agent{AgencyID: "y1", FirstName: "Pat", EverCertified: true, Certified: true}
	l.agencies["y1"] = fold.Agency{Name: "Bay", Registered: true}
	l.staff[[2]string{"y1", "p1"}] = fold.Staff{Role: "manager", Name: "Kim"}
	return l
}

func hash(t testing.TB, s book.FullState) [32]byte {
	t.Helper()
	sum, err := book.StateHash(s)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestStateHashCoversEveryField checks that equal states have equal hashes, and
// that changing any part of a state changes the hash.
func TestStateHashCoversEveryField(t *testing.T) {
	unchanged := hash(t, smallState())
	if again := hash(t, smallState()); again != unchanged {
		t.Fatal("equal states: got different hashes")
	}
	seen := map[[32]byte]string{hash(t, newState()): "empty", unchanged: "unchanged"}
	for name, change := range map[string]func(*memoryState){
		"a name":                func(l *memoryState) { l.cases["1"].Household.PrimaryContact.FirstName = "Eva" },
		"a blank for 0.00":      func(l *memoryState) { l.cases["1"].Enrollments[0].StateSubsidy = events.Money{} },
		"one member fewer":      func(l *memoryState) { l.cases["2"].Members = l.cases["2"].Members[:1] },
		"closed":                func(l *memoryState) { l.cases["1"].Closed = true },
		"inactive":              func(l *memoryState) { l.cases["1"].Inactive = true },
		"held by another":       func(l *memoryState) { l.cases["1"].AgentID = "a2" },
		"earlier delegation":    func(l *memoryState) { l.cases["1"].Since = since.Add(-1) },
		"a request":             func(l *memoryState) { l.cases["1"].Pending = []fold.Request{{AgentID: "a2", Requested: since}} },
		"another last change":   func(l *memoryState) { l.cases["1"].Changed.Seq++ },
		"enrollments reordered": func(l *memoryState) { e := l.cases["1"].Enrollments; e[0], e[1] = e[1], e[0] },
		"under another id":      func(l *memoryState) { l.cases["3"] = l.cases["2"]; delete(l.cases, "2") },
		"cases swapped":         func(l *memoryState) { l.cases["1"], l.cases["2"] = l.cases["2"], l.cases["1"] },
		"one case fewer":        func(l *memoryState) { delete(l.cases, "2") },
		"a blank case more":     func(l *memoryState) { l.cases["3"] = &fold.Case{} },
		"agent decertified": func(l *memoryState) {
			l.agents["a1"] = fold.Agent{AgencyID: "y1", FirstName: "Pat", EverCertified: true}
		},
		"an agent more":  func(l *memoryState) { l.agents["a3"] = fold.Agent{} },
		"agency renamed": func(l *memoryState) { l.agencies["y1"] = fold.Agency{Registered: true} },
		"an agency more": func(l *memoryState) { l.agencies["y2"] = fold.Agency{} },
		"another role":   func(l *memoryState) { l.staff[[2]string{"y1", "p1"}] = fold.Staff{Role: "admin_l1", Name: "Kim"} },
		"another agency": func(l *memoryState) { l.staff = map[[2]string]fold.Staff{{"y1p", "1"}: {Role: "manager", Name: "Kim"}} },
		"no staff":       func(l *memoryState) { clear(l.staff) },
	} {
		l := smallState()
		change(l)
		sum := hash(t, l)
		if other, twice := seen[sum]; twice {
			t.Errorf("%s: got the same hash as %s", name, other)
		}
		seen[sum] = name
	}
	broken := smallState()
	broken.err = errors.New("broken")
	if _, err := book.StateHash(broken); !errors.Is(err, broken.err) {
		t.Errorf("got error %v, want %v", err, broken.err)
	}
}
