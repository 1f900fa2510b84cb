package service

import (
	"context"
	"errors"
	"time"

	"bookledger/cmd/internal/problem"
	"bookledger/events"
	"bookledger/projections/access"
	"bookledger/projections/audit"
	"bookledger/projections/book"
)

// auditTime is how long an explanation or a comparison may take, with the time
// that it waits for others.
const auditTimeout = 25 * time.Second

// maxRecords is how many records about one case a request looks at; of real
// ones there are tens.
const maxRecords = 3000

// Explanation is how a case became what it is.
type Explanation struct {
	Freshness
	audit.Explanation
}

// Explain explains a case to an auditor. With an agent it tells what concerns
// that agent's lists and books alone; with a Friday ("2026-11-20" or "latest")
// it tells how the case stood at the cutoff.
func (s *Service) Explain(ctx context.Context, c Caller, caseID, agent, friday string) (*Explanation, error) {
	r, done, err := s.auditSnapshot(c)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := r.checkAgent(agent); err != nil {
		return nil, err
	}
	q := audit.ExplainRequest{Agent: agent, AsOf: friday != ""}
	if q.AsOf {
		f, err := r.checkpoint(friday)
		if err != nil {
			return nil, err
		}
		q.Friday = f.Friday
	}
	if err := r.checkCase(caseID); err != nil {
		return nil, err
	}
	if err := s.logAccess(c, access.Auditor, "explanation", Owner{Agent: agent}, caseID); err != nil {
		return nil, err
	}
	x := &Explanation{Freshness: r.freshness()}
	return x, s.runAudit(ctx, "explain", func(ctx context.Context) error {
		account, err := audit.LiveLedger{View: r.View, Journal: s.Node.Journal, MaxRecords: maxRecords}.CaseHistory(ctx, caseID)
		if err != nil {
			return err
		}
		result, err := account.Explain(ctx, q)
		if err == nil {
			x.Explanation = *result
		}
		return err
	})
}

// CaseExists tells an auditor whether any record is about a case: nil, or
// problem.NotFound.
func (s *Service) CaseExists(c Caller, caseID string) error {
	r, done, err := s.auditSnapshot(c)
	if err != nil {
		return err
	}
	defer done()
	return r.checkCase(caseID)
}

// isAgent tells whether somebody knows an agent, if one is named: what is not
// one may be anything, and has no place in the access log.
func (r *snapshot) checkAgent(id string) error {
	if id == "" {
		return nil
	}
	_, known, err := r.state.Agent(id)
	if err == nil && !known {
		err = problem.NotFound.WithField("agent", "The ledger knows no such agent.")
	}
	return err
}

func (r *snapshot) checkCase(id string) error {
	if !events.IsIdentifier(id) {
		return problem.NotFound.WithDetail("No record is about such a case.")
	}
	index, err := r.History(id)
	if err == nil && len(index) == 0 {
		err = problem.NotFound.WithDetail("No record is about such a case.")
	}
	return err
}

// CompareQuery says which books are compared, and which part of their differences
// is wanted.
type CompareQuery struct {
	From, To       string // Fridays ("2026-11-20"); To may be "latest"
	Page, PageSize int    // from 1 on
}

// Differences are what made the later of two books of an owner's other than the
// earlier.
type Differences struct {
	Freshness
	AgentID  string      `json:"agent_id,omitempty" format:"Identifier" doc:"Whose books, of an agent."`
	AgencyID string      `json:"agency_id,omitempty" format:"Identifier" doc:"Whose books, of an agency."`
	From     BookRef     `json:"from" doc:"The earlier book."`
	To       BookRef     `json:"to" doc:"The later book."`
	Added    int         `json:"added" format:"Count" doc:"How many rows were added in all."`
	Removed  int         `json:"removed" format:"Count" doc:"How many rows were removed in all."`
	Changed  int         `json:"changed" format:"Count" doc:"How many rows were changed in all."`
	Page     int         `json:"page" minimum:"1" doc:"Which page it is, counted from 1."`
	PageSize int         `json:"page_size" minimum:"1" maximum:"1000" doc:"How many rows a page has at most."`
	Changes  []RowChange `json:"changes" doc:"The rows of this page, by case, year and member."`
}

// BookRef is which of an owner's books one is.
type BookRef struct {
	Friday   events.Date `json:"friday" format:"Date" doc:"Its Friday."`
	Cutoff   time.Time   `json:"cutoff" doc:"The moment as of which it is."`
	Boundary uint64      `json:"boundary" format:"Count" doc:"The sequence of the last record that it shows."`
}

// RowChange is a row that differs, and what caused it.
type RowChange = audit.Difference

// Total is how many rows differ.
func (d *Differences) Total() int { return d.Added + d.Removed + d.Changed }

// Compare compares an owner's books of two Fridays for an auditor.
// problem.NoBook says why there is no such book.
func (s *Service) Compare(ctx context.Context, c Caller, o Owner, query CompareQuery) (*Differences, error) {
	if err := c.MayAudit(); err != nil {
		return nil, err
	}
	r, _, done, err := s.ownerSnapshot(c, o)
	if err != nil {
		return nil, err
	}
	defer done()
	from, to, err := r.weeks(query)
	if err != nil {
		return nil, err
	}
	if err := s.logAccess(c, access.Auditor, "differences", o, ""); err != nil {
		return nil, err
	}
	all := &Differences{
		Freshness: r.freshness(), AgentID: o.Agent, AgencyID: o.Agency,
		From: bookRef(from), To: bookRef(to), Page: query.Page, PageSize: query.PageSize,
	}
	return all, s.runAudit(ctx, "diff", func(ctx context.Context) error {
		compared, err := audit.LiveLedger{View: r.View, Journal: s.Node.Journal, MaxRecords: maxRecords}.Compare(ctx, o, from, to)
		if errors.Is(err, book.ErrUnknownOwner) {
			return problem.NoBook.WithField("to", "Nobody knew the owner as of Friday %s.", to.Friday)
		}
		if err != nil {
			return err
		}
		changes := compared.Changes()
		count := book.CountChanges(changes)
		all.Added, all.Removed, all.Changed = count[book.Added], count[book.Removed], count[book.Changed]
		first := min(len(changes), (query.Page-1)*query.PageSize)
		all.Changes, err = compared.Differences(ctx, changes[first:min(len(changes), first+query.PageSize)])
		return err
	})
}

// between finds the Fridays whose books are compared.
func (r *snapshot) weeks(query CompareQuery) (from, to book.Week, err error) {
	if from, err = r.week("from", query.From); err == nil {
		to, err = r.week("to", query.To)
	}
	if err == nil && from.Friday >= to.Friday {
		err = problem.Invalid.WithField("from", "It must be earlier than the other Friday, %s.", to.Friday)
	}
	return from, to, err
}

// week finds the week whose Friday a field of the request names.
func (r *snapshot) week(field, friday string) (book.Week, error) {
	f, err := r.checkpoint(friday)
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		p.Field = field
	}
	return f.Week, err
}

func bookRef(f book.Week) BookRef { return BookRef{f.Friday, f.Cutoff.UTC(), f.Boundary} }

// PastFridays returns the Fridays that an auditor may ask for, the newest
// first.
func (s *Service) PastFridays(c Caller) ([]events.Date, error) {
	r, done, err := s.auditSnapshot(c)
	if err != nil {
		return nil, err
	}
	defer done()
	all, err := r.Checkpoints()
	fridays := make([]events.Date, len(all))
	for i := range all {
		fridays[len(all)-1-i] = all[i].Friday
	}
	return fridays, err
}

// audited opens a snapshot for an auditor.
func (s *Service) auditSnapshot(c Caller) (r *snapshot, done func(), err error) {
	if err := c.MayAudit(); err != nil {
		return nil, nil, err
	}
	return s.snapshot(c)
}

// inTurn does what takes long, for one at a time, and gives it up when it takes
// too long: a request must not keep the others from their lists.
func (s *Service) runAudit(ctx context.Context, command string, do func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, auditTimeout)
	defer cancel()
	err := s.auditing.Acquire(limited, 1)
	if err == nil {
		err = func() error {
			defer s.auditing.Release(1) // a panic too lets the next in
			return do(limited)
		}()
	}
	if errors.Is(err, audit.ErrTooManyRecords) {
		return problem.Unavailable.WithRetryAfter(0).WithDetail("There are more than %d records about a case, too many for a request. The command bookledger %s looks at any number, on a dump of the journal.", maxRecords, command).WithCause(err)
	}
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return problem.Unavailable.WithRetryAfter(time.Minute).WithDetail("It would take longer than a request may, or others were before it. Try again in a minute; the command bookledger %s takes as long as it needs, on a dump of the journal.", command).WithCause(err)
	}
	return err
}
