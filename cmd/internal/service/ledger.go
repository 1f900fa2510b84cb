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

// figure reads one of the ledger's figures for one who may see them.
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

// Fridays returns the checkpoints, the earliest first.
func (s *Service) Fridays(c Caller) ([]checkpoint.Checkpoint, error) {
	return readLedger(s, c, (*projections.View).Checkpoints)
}

// Rejections returns up to limit rejected records before a sequence (0: from
// the newest), the newest first.
func (s *Service) Rejections(c Caller, before uint64, limit int) ([]projections.RejectedEvent, error) {
	return readLedger(s, c, func(v *projections.View) ([]projections.RejectedEvent, error) { return v.Rejections(before, limit) })
}

// Exports returns up to limit steps of the trail of exports before a sequence
// (0: from the newest), the newest first; with the SHA-256 of a file, in hex,
// those alone in which that file was made.
func (s *Service) Exports(ctx context.Context, c Caller, sha256 string, before uint64, limit int) ([]projections.Exported, error) {
	return readLedger(s, c, func(v *projections.View) ([]projections.Exported, error) {
		hash := strings.ToLower(sha256)
		if hash != "" && !events.IsSHA256(hash) {
			return nil, problem.Invalid.WithField("sha256", "A SHA-256 has 64 digits of 0-9 and a-f.")
		}
		return v.ExportsOfFile(ctx, hash, before, limit)
	})
}

// Summary returns where the ledger stands, without the state hash.
func (s *Service) Summary(c Caller) (projections.Status, error) {
	return readLedger(s, c, func(v *projections.View) (projections.Status, error) { return v.Summary(), nil })
}

// Status returns where the ledger stands. Its state hash takes a pass over the
// whole state, so that only one is made at a time.
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

// Home is what somebody sees first: what they are in the ledger.
type Home struct {
	Agent    string       // whose own consumers they look after; "" where they are no certified agent
	Name     string       // of the agent
	Agencies []AgencyRole // where they are staff
	Auditor  bool
	Operator bool
	SeesLedger  bool // they see the ledger's figures
	MayAudit   bool // they see how the ledger came to what it shows
}

// AgencyRole is a role in an agency.
type AgencyRole struct {
	AgencyID string
	Name     string
	Role     access.Role
}

// Home tells what a person is in the ledger now.
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

// HasNoRole tells whether the ledger has no place for the person.
func (h *Home) HasNoRole() bool {
	return h.Agent == "" && len(h.Agencies) == 0 && !h.Auditor && !h.Operator
}
