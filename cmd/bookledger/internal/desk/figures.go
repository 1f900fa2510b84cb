package desk

import (
	"sync"

	"bookledger/cmd/bookledger/internal/access"
	"bookledger/cmd/bookledger/internal/problem"
	"bookledger/projections"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
)

// figures opens a moment for one who may see the ledger's figures.
func (d *Desk) figures(c Caller) (*reading, error) {
	if _, err := access.OfLedger(c.Person); err != nil {
		return nil, problem.NotFound.Because(err)
	}
	return d.read()
}

// Fridays returns the checkpoints, the earliest first.
func (d *Desk) Fridays(c Caller) ([]checkpoint.Friday, error) {
	r, err := d.figures(c)
	if err != nil {
		return nil, err
	}
	defer d.close(r)
	return r.Fridays()
}

// Rejections returns up to limit rejected records before a sequence (0: from
// the newest), the newest first.
func (d *Desk) Rejections(c Caller, before uint64, limit int) ([]projections.Rejected, error) {
	r, err := d.figures(c)
	if err != nil {
		return nil, err
	}
	defer d.close(r)
	return r.Rejections(before, limit)
}

// Exports returns up to limit steps of the trail of exports before a sequence
// (0: from the newest), the newest first.
func (d *Desk) Exports(c Caller, before uint64, limit int) ([]projections.Exported, error) {
	r, err := d.figures(c)
	if err != nil {
		return nil, err
	}
	defer d.close(r)
	return r.Exports(before, limit)
}

// Status returns where the ledger stands. Its state hash takes a pass over the
// whole state, so that of a position is made once, and one at a time.
func (d *Desk) Status(c Caller) (projections.Status, error) {
	r, err := d.figures(c)
	if err != nil {
		return projections.Status{}, err
	}
	defer d.close(r)
	return d.hash.of(r)
}

// stateHash keeps the newest status that was asked for.
type stateHash struct {
	mu   sync.Mutex
	kept projections.Status
}

func (h *stateHash) of(r *reading) (projections.Status, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.kept.StateHash != "" && h.kept.Position == r.Position() {
		return h.kept, nil
	}
	s, err := r.Status()
	if err == nil {
		h.kept = s
	}
	return s, err
}

// Home is what somebody sees first: what they are in the ledger.
type Home struct {
	Agent    string     // whose own consumers they look after; "" where they are no certified agent
	Name     string     // of the agent
	Agencies []HomeRole // where they are staff
	Auditor  bool
	Operator bool
}

// HomeRole is a role in an agency.
type HomeRole struct {
	AgencyID string
	Name     string
	Role     access.Role
}

// Home tells what a person is in the ledger now.
func (d *Desk) Home(c Caller) (*Home, error) {
	r, err := d.read()
	if err != nil {
		return nil, err
	}
	defer d.close(r)
	h := &Home{Auditor: c.Auditor, Operator: c.Operator}
	if c.AgentID != "" {
		a, known, err := r.state.Agent(c.AgentID)
		if err != nil {
			return nil, err
		}
		if known && a.Certified {
			h.Agent, h.Name = c.AgentID, a.Name()
		}
	}
	return h, r.state.EachRoleOf(c.ID, func(id string, staff *fold.Staff) error {
		agency, _, err := r.state.Agency(id)
		h.Agencies = append(h.Agencies, HomeRole{id, agency.Name, access.Role(staff.Role)})
		return err
	})
}

// Nobody tells whether the ledger has no place for the person.
func (h *Home) Nobody() bool {
	return h.Agent == "" && len(h.Agencies) == 0 && !h.Auditor && !h.Operator
}
