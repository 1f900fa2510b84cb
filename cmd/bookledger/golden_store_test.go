package main_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/exporter"
	"bookledger/projections"
	"bookledger/projections/audit"
	"bookledger/projections/book"
	"bookledger/projections/fold"
	"bookledger/projections/list"
	"bookledger/schemas"
)

// goldenSource is a projections.Journal with the records of the dump.
type goldenSource struct {
	records []record.Record
	chunk   int // number of records yielded at once
}

func (s goldenSource) Follow(ctx context.Context, after uint64, yield func([]record.Record) error) error {
	return s.Read(ctx, after, uint64(len(s.records)), yield)
}

func (s goldenSource) Read(_ context.Context, after, upTo uint64, yield func([]record.Record) error) error {
	for part := range slices.Chunk(s.records[after:upTo], s.chunk) {
		if err := yield(part); err != nil {
			return err
		}
	}
	return nil
}

func (s goldenSource) At(_ context.Context, seq uint64) (record.Record, error) {
	if seq < 1 || seq > uint64(len(s.records)) {
		return record.Record{}, fmt.Errorf("there is no record %d", seq)
	}
	return s.records[seq-1], nil
}

func (s goldenSource) Last(context.Context) (uint64, error) { return uint64(len(s.records)), nil }

// build applies the first records to a new store, reopens it, applies the others,
// and adds the same facts that the commands read from the dump.
func (g *golden) build(f *facts, first, chunk int) {
	folder := f.TempDir()
	open := func(n int) *projections.Projection {
		p, err := projections.Open(projections.Options{Dir: folder})
		f.must(err)
		f.must(p.CatchUp(f.Context(), goldenSource{g.records[:n], chunk}))
		return p
	}
	p := open(first)
	if first == len(g.records) {
		addOutcomes(f, p, g)
	} else { // only the first process knows the outcomes of the first half
		f.must(p.Close())
		p = open(len(g.records))
	}
	v, err := p.View()
	f.must(err)
	b := built{f, g, v, goldenSource{g.records, chunk}}
	g.tree(f, v.LeafHash, v.TreeRoot)
	b.counts()
	b.lists()
	b.books()
	b.account()
	f.must(errors.Join(v.Close(), p.Close()))
}

func addOutcomes(f *facts, p *projections.Projection, g *golden) {
	verdicts := sha256.New()
	for i := range g.records {
		outcome, rejected, err := p.WaitFor(f.Context(), g.records[i].Seq)
		f.must(err)
		var code events.Code
		var field string
		if rejected != nil {
			code, field = rejected.Code, rejected.Field
		}
		verdict(verdicts, g.records[i].Seq, outcome, code, field)
	}
	f.add("verdicts on all records", "sha256 %x", verdicts.Sum(nil))
}

// built is a store with all records applied.
type built struct {
	*facts
	g      *golden
	v      *projections.View
	source projections.Journal
}

// lines writes each value on its own line.
func lines[T any](b built, things ...T) []byte {
	var text bytes.Buffer
	out := json.NewEncoder(&text)
	for _, thing := range things {
		b.must(out.Encode(thing))
	}
	return text.Bytes()
}

func (b built) counts() {
	fridays, err := b.v.Checkpoints()
	b.must(err)
	b.addText("fridays", lines(b, fridays...))
	status, err := b.v.Status()
	b.must(err)
	b.addText("status", lines(b, status))
	exports, err := b.v.Exports(0, 0)
	b.must(err)
	b.addText("exports", lines(b, exports...))
	var rejected []projections.RejectedEvent
	b.must(b.v.EachRejected(func(r projections.RejectedEvent) error {
		rejected = append(rejected, r)
		return nil
	}))
	addRejected(b.facts, lines(b, rejected...))
}

func (b built) lists() {
	add := func(name string, of *list.List, asOf time.Time, week events.Date) {
		consumers, total := of.Page(list.Query{}, week.Year())
		b.addText(name, lines(b, struct {
			AsOf      time.Time    `json:"as_of"`
			Total     int          `json:"total"`
			Consumers []list.Entry `json:"consumers"`
		}{asOf.UTC(), total, consumers}))
	}
	for _, agent := range goldenAgents {
		lists, err := b.v.Lists(agent)
		b.must(err)
		add(activeName(agent, "now"), lists.Active, b.v.Recorded(), b.v.OpenFriday())
		// No command shows these, so only the committed facts check them.
		add("inactive "+agent+" now", lists.Inactive, b.v.Recorded(), b.v.OpenFriday())
		add("pending "+agent+" now", lists.Pending, b.v.Recorded(), b.v.OpenFriday())
		for _, text := range goldenAsOf {
			f, err := events.ParseDate(text)
			b.must(err)
			then := b.v.AsOf(f)
			if _, known, err := then.Agent(agent); err != nil || !known {
				b.must(err)
				unknownAgent(b.facts, agent, text)
				continue
			}
			lists, err := list.New(b.v.Calendar(), agent, func(yield func(string, *fold.Case) error) error {
				return then.EachHeld(agent, yield)
			})
			b.must(err)
			add(activeName(agent, text), lists.Active, b.v.Calendar().Cutoff(f), f)
		}
	}
}

func (b built) books() {
	columns, err := schemas.ColumnSet("1")
	b.must(err)
	export, err := exporter.New(columns)
	b.must(err)
	write := func(owner string, made *book.Book) {
		var text bytes.Buffer
		result, err := export.Write(b.Context(), &text, made)
		b.must(err)
		addBook(b.facts, owner, made.Friday.String(), result.Rows, text.Bytes())
	}
	fridays, err := b.v.Checkpoints()
	b.must(err)
	for _, c := range fridays {
		then, friday := b.v.AsOf(c.Friday), c.Friday.String()
		b.g.sealed(b.facts, c, then, b.v.Calendar(), b.v.TreeRoot)
		var agents []string
		b.must(then.EachAgent(func(id string, _ *fold.Agent) error {
			agents = append(agents, id)
			return nil
		}))
		for _, id := range agents {
			made, err := book.ForAgent(b.Context(), then, b.v.Calendar(), c.Week, id)
			b.must(err)
			write(id, made)
		}
		for _, agency := range agenciesOf(friday) {
			made, err := book.ForAgency(b.Context(), then, b.v.Calendar(), c.Week, agency)
			b.must(err)
			write(agency, made)
		}
	}
}

// account explains cases and compares books.
func (b built) account() {
	ctx := b.Context()
	explain := func(name, id string, q audit.ExplainRequest) {
		a, err := audit.LiveLedger{View: b.v, Journal: b.source}.CaseHistory(ctx, id)
		b.must(err)
		x, err := a.Explain(ctx, q)
		b.must(err)
		text := lines(b, x.Events...)
		if x.InBook != nil {
			text = append(text, lines(b, x.InBook)...)
		}
		b.addText(name, text)
	}
	friday := func(text string) book.Week {
		f, err := events.ParseDate(text)
		b.must(err)
		c, err := b.v.Checkpoint(f)
		b.must(err)
		return c.Week
	}
	for _, id := range goldenExplained {
		explain(explainName(id, "now"), id, audit.ExplainRequest{})
		explain(explainName(id, "2025-12-19"), id, audit.ExplainRequest{AsOf: true, Friday: friday("2025-12-19").Friday})
		explain(explainName(id, "latest"), id, audit.ExplainRequest{AsOf: true})
	}
	for _, c := range goldenCompared {
		compared, err := audit.LiveLedger{View: b.v, Journal: b.source}.Compare(ctx, audit.Owner{Agent: c.agent, Agency: c.agency}, friday(c.from), friday(c.to))
		b.must(err)
		differences, err := compared.Differences(ctx, compared.Changes())
		b.must(err)
		b.addText(diffName(cmp.Or(c.agent, c.agency), c.from, c.to), lines(b, differences...))
	}
}
