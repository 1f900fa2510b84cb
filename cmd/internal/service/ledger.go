package service

import (
	"context"
	"errors"
	"strings"

	"bookledger/cmd/internal/problem"
	"bookledger/events"
	"bookledger/projections"
	"bookledger/projections/access"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
)

// readLedger reads a value from the ledger if the caller may see the ledger.
func readLedger[T any](s *Service, c Caller, read func(*projections.View) (T, error)) (value T, err error) {
	if err := c.MaySeeLedger(); err != nil {
		return value, err
	}
	r, done, err := s.snapshot(c)
	if err != nil {
		return value, err
	}
	defer done()
	return read(r.View)
}

// Fridays returns the checkpoints, earliest first.
func (s *Service) Fridays(c Caller) ([]checkpoint.Checkpoint, error) {
	return readLedger(s, c, (*projections.View).Checkpoints)
}

// Rejections returns up to limit rejected events before a sequence, newest first.
// If before is 0, it starts with the newest.
func (s *Service) Rejections(c Caller, before uint64, limit int) ([]projections.RejectedEvent, error) {
	return readLedger(s, c, func(v *projections.View) ([]projections.RejectedEvent, error) { return v.Rejections(before, limit) })
}

// Exports returns up to limit steps of the export trail before a sequence, newest
// first. If before is 0, it starts with the newest. If sha256 is not "", it returns
// only the steps that made a file with that hash (64 hexadecimal digits).
func (s *Service) Exports(ctx context.Context, c Caller, sha256 string, before uint64, limit int) ([]projections.ExportStep, error) {
	return readLedger(s, c, func(v *projections.View) ([]projections.ExportStep, error) {
		hash := strings.ToLower(sha256)
		if hash != "" && !events.IsSHA256(hash) {
			return nil, problem.Invalid.WithField("sha256", "sha256 must have 64 hexadecimal digits.")
		}
		return v.ExportsOfFile(ctx, hash, before, limit)
	})
}

// Summary returns the ledger status without the state hash.
func (s *Service) Summary(c Caller) (projections.Status, error) {
	return readLedger(s, c, func(v *projections.View) (projections.Status, error) { return v.Summary(), nil })
}

// Status returns the ledger status. Computing the state hash reads the whole state,
// so only one runs at a time.
func (s *Service) Status(ctx context.Context, c Caller) (projections.Status, error) {
	if err := c.MaySeeLedger(); err != nil {
		return projections.Status{}, err
	}
	if err := s.hashing.Acquire(ctx, 1); err != nil {
		return projections.Status{}, err
	}
	defer s.hashing.Release(1)
	return readLedger(s, c, (*projections.View).Status)
}

// Home contains the roles of a person in the ledger.
type Home struct {
	Agent      string       // the agent ID if the person is a certified agent, or ""
	Name       string       // the agent's name
	Agencies   []AgencyRole // the agencies where the person is staff
	Auditor    bool
	Operator   bool
	SeesLedger bool // reports whether the person may see the ledger status
	MayAudit   bool // reports whether the person may explain cases and compare books
}

// AgencyRole is a person's role in an agency.
type AgencyRole struct {
	AgencyID string
	Name     string
	Role     access.Role
}

// Home returns the caller's current roles in the ledger.
func (s *Service) Home(c Caller) (*Home, error) {
	r, done, err := s.snapshot(c)
	if err != nil {
		return nil, err
	}
	defer done()
	h := &Home{Auditor: c.Auditor, Operator: c.Operator, SeesLedger: c.MaySeeLedger() == nil, MayAudit: c.MayAudit() == nil}
	g, err := access.GrantFor(r.state, c.Person, Owner{Agent: c.AgentID})
	if g.Role == access.Agent {
		var a fold.Agent
		a, _, err = r.state.Agent(c.AgentID)
		h.Agent, h.Name = c.AgentID, a.Name()
	}
	if err != nil && !errors.Is(err, access.NotVisible) {
		return nil, err
	}
	return h, r.state.EachRoleOf(c.ID, func(id string, staff *fold.Staff) error {
		agency, _, err := r.state.Agency(id)
		h.Agencies = append(h.Agencies, AgencyRole{id, agency.Name, access.Role(staff.Role)})
		return err
	})
}

// HasNoRole reports whether the person has no role in the ledger.
func (h *Home) HasNoRole() bool {
	return h.Agent == "" && len(h.Agencies) == 0 && !h.Auditor && !h.Operator
}
