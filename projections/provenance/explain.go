package provenance

import (
	"context"
	"math"
	"slices"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/fold"
)

// Explained is a record about a case, and where it first showed.
type Explained struct {
	Entry
	Shown

	// What the case was to the agent before and after it, where one was asked
	// for: "active", "inactive", "closed" or "" where it was not the agent's,
	// with "pending" where a request to the agent was pending.
	Before, After string
}

// Shown is where an applied record first showed.
type Shown struct {
	Friday   events.Date // whose book was the first; 0: none so far
	Live     bool        // no book, but the live lists or the rows of the coming book
	Replaced uint64      // it never shows: from this record on all would be the same without it
}

// Explain returns the records about a case in their order and where each that
// was applied first showed: in the book of the first Friday in which other
// cells would stand without this one record, had all later ones but those that
// changed nothing been judged anew. So one that a later one needed to be
// accepted shows with what that one changed. One that took the case out of a book
// shows in the first without it, though another would have done so too.
//
// With an agent it is those alone that put the case into that agent's lists and
// books or took it out, and those that were to and were rejected, and where they
// first showed for that agent.
func (l *Explainer) Explain(ctx context.Context, id string, entries []Entry, agent string) ([]Explained, error) {
	p, err := newPath(id, fold.Case{}, entries)
	if err != nil {
		return nil, err
	}
	o := owner(anybody)
	if agent != "" {
		o = only(agent)
	}
	var all []Explained
	at := 0 // the next step
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x := Explained{Entry: e}
		concerns := agent == "" || e.Outcome == record.Rejected && names(e.Event.Data, agent)
		if e.Outcome == record.Applied {
			s := &p.steps[at]
			if agent != "" {
				x.Before, x.After = relation(&s.before, agent), relation(&s.after, agent)
			}
			if concerns = concerns || x.Before != x.After; concerns {
				x.Shown = l.shown(p, at, o)
			}
			at++
		}
		if concerns {
			all = append(all, x)
		}
	}
	return all, nil
}

// shown says where a step first showed in the owner's books or lists.
func (l *Explainer) shown(p *path, i int, o owner) Shown {
	if f, took := l.tookOut(p, i, o); took {
		return Shown{Friday: f, Live: f == 0}
	}
	g := p.anew(i)
	looked := -1 // as of which record the last look was
	for _, f := range l.Weeks {
		if f.Boundary < p.steps[i].entry.Seq {
			continue
		}
		if !g.to(f.Boundary) {
			return Shown{Replaced: g.replaced}
		}
		if g.next == looked {
			continue // nothing has come since, and a new year only hides rows
		}
		looked = g.next
		if !l.sameBook(p.id, g.as(), g.is(), f.Friday, o) {
			return Shown{Friday: f.Friday}
		}
	}
	if !g.to(math.MaxUint64) {
		return Shown{Replaced: g.replaced}
	}
	return Shown{Live: !l.sameLive(p.id, g.as(), g.is(), o)}
}

// tookOut tells whether a step took the case out of a book of the owner's in
// which it had stood, whatever came of it elsewhere, and the Friday whose book
// was the first without it; 0 where that week is open.
func (l *Explainer) tookOut(p *path, i int, o owner) (f events.Date, took bool) {
	s := &p.steps[i]
	theirs := only(s.before.AgentID)
	if !o(s.before.AgentID) || !stands(&s.before, theirs) || stands(&s.after, theirs) {
		return 0, false
	}
	last, next := &p.start, p.at(math.MaxUint64)
	for _, friday := range l.Weeks {
		if friday.Boundary >= s.entry.Seq {
			f, next = friday.Friday, p.at(friday.Boundary)
			break
		}
		last = p.at(friday.Boundary)
	}
	return f, stands(last, theirs) && !stands(next, theirs)
}

// relation is what a case is to an agent, in words.
func relation(c *fold.Case, agent string) string {
	held := ""
	switch {
	case c.AgentID != agent:
	case c.Closed:
		held = "closed"
	case c.Inactive:
		held = "inactive"
	default:
		held = "active"
	}
	if c.Closed || !slices.ContainsFunc(c.Pending, func(r fold.Request) bool { return r.AgentID == agent }) {
		return held
	}
	if held == "" {
		return "pending"
	}
	return held + ", pending"
}

// names tells whether an event of a delegation names the agent.
func names(data events.Data, agent string) bool {
	if d, ok := data.(interface{ Agent() string }); ok && d.Agent() == agent {
		return true
	}
	return slices.Contains(fold.Agents(data), agent)
}
