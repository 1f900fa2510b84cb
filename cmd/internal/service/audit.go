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

// auditTimeout limits an explanation or a comparison, including the wait for other
// requests.
const auditTimeout = 25 * time.Second

// maxRecords is the most records about one case that a request reads. A real case
// has tens of them.
const maxRecords = 3000

// Explanation lists the events about a case and what each one did.
type Explanation struct {
	Freshness
	audit.Explanation
}

// Explain explains a case to an auditor. With an agent, the explanation covers
// only that agent's lists and books. With a Friday ("2026-11-20" or "latest"), it
// covers the events up to that Friday's cutoff, and the book of that Friday.
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

// CaseExists returns nil if any record is about the case, and problem.NotFound if
// there is none or the caller is not an auditor.
func (s *Service) CaseExists(c Caller, caseID string) error {
	r, done, err := s.auditSnapshot(c)
	if err != nil {
		return err
	}
	defer done()
	return r.checkCase(caseID)
}

// checkAgent returns problem.NotFound for an unknown agent; "" is accepted. An
// unknown ID could contain anything, so it must not reach the access log.
func (r *snapshot) checkAgent(id string) error {
	if id == "" {
		return nil
	}
	_, known, err := r.state.Agent(id)
	if err == nil && !known {
		err = problem.NotFound.WithField("agent", "The ledger has no agent with this ID.")
	}
	return err
}

// checkCase returns problem.NotFound if no record is about the case.
func (r *snapshot) checkCase(id string) error {
	if !events.IsIdentifier(id) {
		return problem.NotFound.WithDetail("The ledger has no events about a case with this ID.")
	}
	index, err := r.History(id)
	if err == nil && len(index) == 0 {
		err = problem.NotFound.WithDetail("The ledger has no events about a case with this ID.")
	}
	return err
}

// CompareQuery selects two books of an owner and a page of their differences.
type CompareQuery struct {
	From, To       string // Fridays ("2026-11-20"); To may be "latest"
	Page, PageSize int    // Page counts from 1
}

// Differences is a page of the rows that differ between two books of an owner.
type Differences struct {
	Freshness
	AgentID  string      `json:"agent_id,omitempty" format:"Identifier" doc:"The agent, for an agent's books."`
	AgencyID string      `json:"agency_id,omitempty" format:"Identifier" doc:"The agency, for an agency's books."`
	From     BookRef     `json:"from" doc:"The earlier book."`
	To       BookRef     `json:"to" doc:"The later book."`
	Added    int         `json:"added" format:"Count" doc:"The number of added rows on all pages."`
	Removed  int         `json:"removed" format:"Count" doc:"The number of removed rows on all pages."`
	Changed  int         `json:"changed" format:"Count" doc:"The number of changed rows on all pages."`
	Page     int         `json:"page" minimum:"1" doc:"The page number, starting at 1."`
	PageSize int         `json:"page_size" minimum:"1" maximum:"1000" doc:"The maximum number of rows on a page."`
	Changes  []RowChange `json:"changes" doc:"The rows on this page, sorted by case, year and member."`
}

// BookRef identifies one of an owner's books.
type BookRef struct {
	Friday   events.Date `json:"friday" format:"Date" doc:"The Friday of the book."`
	Cutoff   time.Time   `json:"cutoff" doc:"The cutoff of that Friday."`
	Boundary uint64      `json:"boundary" format:"Count" doc:"The sequence of the last record that the book covers."`
}

// RowChange describes a row that differs and the events that caused the difference.
type RowChange = audit.Difference

// Total returns the number of rows that differ.
func (d *Differences) Total() int { return d.Added + d.Removed + d.Changed }

// Compare compares an owner's books of two Fridays for an auditor. If one of the
// books does not exist, it returns problem.NoBook with the reason.
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
			return problem.NoBook.WithField("to", "The ledger had no such agent or agency as of %s.", to.Friday)
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

// weeks returns the weeks of the two books to compare.
func (r *snapshot) weeks(query CompareQuery) (from, to book.Week, err error) {
	if from, err = r.week("from", query.From); err == nil {
		to, err = r.week("to", query.To)
	}
	if err == nil && from.Friday >= to.Friday {
		err = problem.Invalid.WithField("from", "from must be a Friday before %s.", to.Friday)
	}
	return from, to, err
}

// week returns the week of the Friday in a field of the request.
func (r *snapshot) week(field, friday string) (book.Week, error) {
	f, err := r.checkpoint(friday)
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		p.Field = field
	}
	return f.Week, err
}

func bookRef(f book.Week) BookRef { return BookRef{f.Friday, f.Cutoff.UTC(), f.Boundary} }

// PastFridays returns the Fridays that have books, newest first, for an auditor.
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

// auditSnapshot opens a snapshot for an auditor.
func (s *Service) auditSnapshot(c Caller) (r *snapshot, done func(), err error) {
	if err := c.MayAudit(); err != nil {
		return nil, nil, err
	}
	return s.snapshot(c)
}

// runAudit runs a long computation. Only one runs at a time, and each has a time
// limit, so that audits do not slow down the lists. The error names the command
// that does the same without limits.
func (s *Service) runAudit(ctx context.Context, command string, do func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, auditTimeout)
	defer cancel()
	err := s.auditing.Acquire(limited, 1)
	if err == nil {
		err = func() error {
			defer s.auditing.Release(1) // also after a panic
			return do(limited)
		}()
	}
	if errors.Is(err, audit.ErrTooManyRecords) {
		return problem.Unavailable.WithRetryAfter(0).WithDetail("A case has more than %d records, too many for one request. Use the command \"bookledger %s\" on a dump of the journal; it has no limit.", maxRecords, command).WithCause(err)
	}
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return problem.Unavailable.WithRetryAfter(time.Minute).WithDetail("The request took too long, or other requests came first. Try again in a minute, or use the command \"bookledger %s\" on a dump of the journal; it has no time limit.", command).WithCause(err)
	}
	return err
}
