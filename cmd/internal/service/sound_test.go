package service_test

import (
	"testing"

	"bookledger/cmd/internal/service"
	"bookledger/projections"
)

// TestUnsound holds that nothing can be done or taken while the journal is not
// what was applied, also by who was let in before, and that lists are shown.
func TestUnsound(t *testing.T) {
	o := open(t, consumers("A1", "c1", "c2")...)
	own := service.Owner{Agent: "A1"}
	unsound := error(&projections.Difference{Seq: 17, Kind: projections.Changed})
	o.sound.Store(&unsound)
	_, err := o.service.Export(t.Context(), agent, own, "latest", yes)
	wantProblem(t, "an export", err, 503)
	_, err = o.service.Act(t.Context(), agent, own, "c1", service.MarkInactive)
	wantProblem(t, "an action", err, 503)
	_, err = o.service.Transfer(t.Context(), manager, "G1", service.Transfer{From: "A1", To: "A2", All: true})
	wantProblem(t, "a transfer", err, 503)
	o.holdList(agent, own, service.Active, "c1", "c2")
	o.sound.Store(nil)
	o.atChecks(func(check int) {
		if check == 3 {
			o.sound.Store(&unsound)
		}
	})
	_, err = o.service.Export(t.Context(), agent, own, "latest", yes)
	wantProblem(t, "a book that was made before", err, 503)
	if steps := o.trail(); len(steps) != 2 {
		t.Errorf("the trail is %q", steps)
	}
}
