package command

import (
	"context"
	"slices"

	"bookledger/cmd/internal/cli"
	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/audit"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
	"bookledger/projections/provenance"
	"bookledger/projections/replay"
)

func (d *dataReader) account(ctx context.Context, caseID string) (*audit.Account, error) {
	return audit.AccountOf(ctx, d.view, d.Journal, caseID, 0)
}

func (d *dataReader) compare(ctx context.Context, o audit.Owner, from, to events.Date) (*audit.Comparison, error) {
	before, err := d.asOf(ctx, from)
	if err != nil {
		return nil, err
	}
	after, err := d.asOf(ctx, to)
	if err != nil {
		return nil, err
	}
	if after.friday.Friday <= from {
		return nil, errNotEarlier
	}
	return audit.Compare(ctx, d.view, d.Journal, o, before.friday.Week, after.friday.Week, 0)
}

func (d *dataReader) exports(_ context.Context, fridays int) ([]audit.Export, error) {
	if fridays > 0 {
		return nil, cli.Usagef("--check needs --journal: it decides by what the ledger knew at each record (journal dump makes a dump)")
	}
	trail, err := d.view.Exports(0, 0)
	return audit.CheckExports(replay.New(), trail, 0), err
}

func (d *dumpReader) account(_ context.Context, caseID string) (*audit.Account, error) {
	return audit.NewAccount(caseID, d.entries, d.whole.Calendar(), d.whole.Checkpoints(), d.whole.OpenFriday())
}

// errNotEarlier is of two Fridays that cannot be compared.
var errNotEarlier = cli.Usagef("--from must be earlier than --to")

func (d *dumpReader) compare(ctx context.Context, o audit.Owner, from, to events.Date) (*audit.Comparison, error) {
	to, err := d.friday(to)
	if err != nil {
		return nil, err
	}
	if to <= from {
		return nil, errNotEarlier
	}
	r := replay.New()
	r.StopAfter(to)
	c := &audit.Comparison{Owner: o}
	starts, entries := map[string]*fold.Case{}, map[string][]provenance.Entry{}
	var failed error // of the books, rather than of the dump
	r.OnCheckpoint(func(f checkpoint.Checkpoint) error {
		s := asOfFriday(r.State(), r.Calendar(), f)
		switch {
		case f.Friday == from:
			if failed = c.Begin(ctx, s, r.Calendar(), f.Week); failed == nil {
				failed = r.State().EachCase(func(id string, state *fold.Case) error {
					starts[id] = state
					return nil
				})
			}
		case f.Friday == to && c.Begun():
			failed = c.End(ctx, s, f.Week)
		}
		return failed
	})
	r.OnJudged(func(rec *record.Decoded, v replay.Verdict) error {
		if c.Begun() && rec.CaseID != "" {
			entries[rec.CaseID] = append(entries[rec.CaseID], replay.EntryOf(rec, v))
		}
		return nil
	})
	if err := d.replay(ctx, r); err != nil {
		if failed != nil {
			err = failed
		}
		return nil, err
	}
	for _, f := range [...]events.Date{from, to} {
		if _, err := r.Checkpoint(f); err != nil {
			return nil, err
		}
	}
	c.Between = func(_ context.Context, caseID string) (start fold.Case, _ []provenance.Entry, err error) {
		if state := starts[caseID]; state != nil {
			start = *state
		}
		return start, entries[caseID], nil
	}
	return c, nil
}

func (d *dumpReader) exports(ctx context.Context, fridays int) ([]audit.Export, error) {
	trail := slices.Clone(d.whole.Exports())
	slices.Reverse(trail)
	r := replay.New()
	all := audit.CheckExports(r, trail, fridays)
	if fridays == 0 {
		return all, nil
	}
	return all, d.replay(ctx, r)
}
