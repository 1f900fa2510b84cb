package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"bookledger/cmd/internal/exports"
	"bookledger/cmd/internal/problem"
	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/exporter"
	"bookledger/projections/access"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
)

// The disclaimer that is accepted before a book leaves, in the job aid's words.
const (
	DisclaimerVersion = "1"
	DisclaimerText    = "You are about to download customer information. You must follow Covered California privacy and security standards."
)

// Answer is what was answered to the disclaimer; Accepted is nil where nothing
// was.
type Answer struct {
	Disclaimer string
	Accepted   *bool
}

// Export takes the answer to the disclaimer and, if that is a yes, puts the
// book of a Friday ("2026-11-20" or "latest") into the queue. The ticket, which
// is For a Wanted, is nil where the answer was a no, which is recorded. The
// request is on record when Export returns, and that the book was made before
// its ticket is ready.
func (d *Service) Export(ctx context.Context, c Caller, o Owner, friday string, a Answer) (*exports.Ticket, error) {
	if err := d.mayWrite(c, 1); err != nil {
		return nil, err
	}
	e, err := d.newExport(ctx, c, o, friday)
	if err != nil {
		return nil, err
	}
	e.trail.Disclaimer = version(a.Disclaimer)
	switch {
	case a.Accepted == nil || *a.Accepted && a.Disclaimer != DisclaimerVersion:
		e.trail.Accepted = events.No
		if err := d.record(ctx, c, &events.ExportDenied{Export: e.trail}); err != nil {
			return nil, err
		}
		return nil, problem.NotAccepted.Because(errors.New("no acceptance of this version"))
	case !*a.Accepted:
		e.trail.Accepted = events.No
		return nil, d.record(ctx, c, &events.ExportDeclined{Export: e.trail})
	}
	e.trail.Accepted = events.Yes
	return e.enqueue(ctx)
}

// enqueue takes a place in the queue and records the request; nothing is made
// before that is on disk.
func (e *export) enqueue(ctx context.Context) (*exports.Ticket, error) {
	e.requested = make(chan struct{})
	ticket, err := e.service.Queue.Add(exports.Job{Owner: e.caller.ID, Weight: e.size.rows, Make: e.make, Record: e.made, For: e.wanted()})
	if err != nil {
		return nil, e.service.Failed(err)
	}
	if err := e.service.record(ctx, e.caller, &events.ExportRequested{Export: e.trail}); err != nil {
		ticket.Release()
		return nil, err
	}
	close(e.requested)
	return ticket, nil
}

// Wanted is what a ticket of the queue is for.
type Wanted struct {
	Owner  Owner
	Friday events.Date
}

// Deliverable tells whether a finished book may still leave: access is decided
// anew, since an agent may have been decertified while it was made.
func (d *Service) Deliverable(ctx context.Context, c Caller, w Wanted) error {
	r, err := d.readNow()
	if err != nil {
		return err
	}
	defer d.close(r)
	_, _, err = d.friday(ctx, r, c, w.Owner, w.Friday.String())
	return err
}

// export is one export under way.
type export struct {
	service *Service
	caller  Caller
	owner   Owner
	friday  checkpoint.Checkpoint
	size    size
	trail   events.Export

	requested chan struct{} // closed when the request is on disk
}

func (e *export) wanted() Wanted { return Wanted{e.owner, e.friday.Friday} }

// newExport finds the book that is asked for. That one was refused is recorded
// where its agent or agency is known, and a cutoff of that Friday.
func (d *Service) newExport(ctx context.Context, c Caller, o Owner, friday string) (*export, error) {
	r, err := d.readNow()
	if err != nil {
		return nil, err
	}
	defer d.close(r)
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	e := &export{service: d, caller: c, owner: o, trail: events.Export{
		ExportID: id.String(), PersonID: c.ID, AgentID: o.Agent, AgencyID: o.Agency,
		ExporterVersion: exporter.Version, Address: c.Address,
	}}
	g, err := r.grant(c, o)
	if err != nil {
		e.trail.Role = "none"
		d.denied(r, e, friday)
		return nil, err
	}
	e.trail.Role = string(g.Role)
	var role access.Role
	if e.friday, role, err = d.friday(ctx, r, c, o, friday); err != nil {
		d.denied(r, e, friday)
		return nil, err
	}
	e.trail.Role, e.trail.Friday = string(role), e.friday.Friday
	e.size, err = d.size(ctx, r, o, e.friday)
	return e, err
}

// denied records that somebody asked for a book that is not open to them; of
// agents and Fridays that are not there nothing is recorded. It goes on after
// the answer, which would else tell by its time who is there.
func (d *Service) denied(r *reading, e *export, friday string) {
	f, err := r.checkpoint(friday)
	if err != nil {
		return
	}
	known := false
	if e.owner.Agent != "" {
		_, known, err = r.state.Agent(e.owner.Agent)
	} else {
		_, known, err = r.state.Agency(e.owner.Agency)
	}
	if err != nil || !known {
		return
	}
	trail := e.trail
	trail.Friday, trail.Accepted = f.Friday, events.No
	begun := d.after.Go(func() {
		if err := d.record(context.Background(), e.caller, &events.ExportDenied{Export: trail}); err != nil {
			d.Log.Error("the trail of a refused export could not be written", zap.Error(err))
		}
	})
	if !begun {
		d.Log.Error("too many refused exports at once: one is not in the trail")
	}
}

// make makes the workbook. The book of a Friday is the same whenever it is
// made, so the moment at which the queue comes to it does not matter.
func (e *export) make(ctx context.Context, w io.Writer) (exports.Made, error) {
	select {
	case <-e.requested:
	case <-ctx.Done():
		return exports.Made{}, ctx.Err()
	}
	v, err := e.service.Node.Projection.View()
	if err != nil {
		return exports.Made{}, err
	}
	b, err := e.book(ctx, v.Calendar(), v.AsOf(e.friday.Friday))
	if err = errors.Join(err, v.Close()); err != nil {
		return exports.Made{}, err
	}
	result, err := e.service.Exporter.Write(ctx, w, b)
	if err != nil {
		return exports.Made{}, err
	}
	return exports.Made{Name: exporter.FileName(b), Rows: result.Rows, Bytes: result.Bytes, SHA256: result.SHA256}, nil
}

func (e *export) book(ctx context.Context, calendar *events.Calendar, then book.State) (*book.Book, error) {
	if e.owner.Agent != "" {
		return book.ForAgent(ctx, then, calendar, e.friday.Week, e.owner.Agent)
	}
	return book.ForAgency(ctx, then, calendar, e.friday.Week, e.owner.Agency)
}

// made records that the book was made, if it may still leave.
func (e *export) made(ctx context.Context, m exports.Made) error {
	if err := e.service.Deliverable(ctx, e.caller, e.wanted()); err != nil {
		return err
	}
	trail := e.trail
	trail.Rows, trail.SHA256 = m.Rows, m.SHA256
	return e.service.record(ctx, e.caller, &events.ExportMade{Export: trail})
}

// record writes a step of an export into the journal; it is on disk when
// record returns.
func (d *Service) record(ctx context.Context, c Caller, step events.Data) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("making the id of an event: %w", err)
	}
	e := events.Event{
		ID: id.String(), Source: events.SourceLedger, Type: events.TypeOf(step), Time: time.Now().UTC(),
		ActorID: c.ID, Data: step,
	}
	body, err := e.Encode()
	if err != nil {
		return err
	}
	_, err = d.append(ctx, []journal.Message{{Subject: e.Subject(), Body: body}})
	return err
}

// Failed tells what went wrong with a ticket to who waits for the book.
func (d *Service) Failed(err error) error {
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		return p
	}
	p := problem.Internal.Because(err)
	switch {
	case errors.Is(err, exports.ErrFull):
		p = problem.Unavailable.With("Very many books are being made. Try again in a little while.").Because(err)
	case errors.Is(err, exports.ErrTooMany):
		p = problem.TooMany.With("Several of your books are being made or wait to be taken. Take or leave those first.").Because(err)
	case errors.Is(err, exports.ErrEnded):
		p = problem.Unavailable.With("The system is being restarted. Ask for the book again in a minute.").Because(err)
	case errors.Is(err, exports.ErrGone):
		p = problem.NotFound.With("The book was taken already, or nobody came for it. Ask for it again.").Because(err)
	}
	if refusal, ok := errors.AsType[*exports.Refusal](err); ok {
		p.RetryAfter = refusal.RetryAfter
	}
	if p.Status == problem.Internal.Status {
		where := zap.Skip()
		if panicked, ok := errors.AsType[*exports.Panicked](err); ok {
			where = zap.String("stack", panicked.Stack)
		}
		d.Log.Error("making a book", zap.Error(err), where)
	}
	return p
}

// version is what may be a disclaimer's version, and blank for anything else
// that somebody wrote there: the trail is no place for it.
func version(s string) string {
	if len(s) > 10 || strings.Trim(s, "0123456789.") != "" {
		return ""
	}
	return s
}

// sentence begins with a capital letter.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
