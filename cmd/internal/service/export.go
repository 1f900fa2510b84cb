package service

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"bookledger/cmd/internal/exportlimit"
	"bookledger/cmd/internal/problem"
	"bookledger/events"
	"bookledger/exporter"
	"bookledger/projections/access"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
)

// The disclaimer that a person must accept to download a book. The text is that of
// the job aid.
const (
	DisclaimerVersion = "1"
	DisclaimerText    = "You are about to download customer information. You must follow Covered California privacy and security standards."
)

// DisclaimerAnswer is a person's answer to the disclaimer. Accepted is nil if
// there was no answer.
type DisclaimerAnswer struct {
	Disclaimer string `json:"disclaimer,omitzero" maxLength:"20" doc:"The version of the disclaimer that was shown. Required if \x60accepted\x60 is true."`
	Accepted   *bool  `json:"accepted" doc:"Whether the person accepts the disclaimer."`
}

// ExportedBook is a workbook that is ready to send. It takes up space until it is
// closed.
type ExportedBook struct {
	io.ReadCloser
	Name   string // the file name
	Rows   int
	Bytes  int64
	SHA256 string // hexadecimal
}

// Export records the answer to the disclaimer. If the person accepts, Export waits
// for its turn and returns the owner's book of a Friday ("2026-11-20" or
// "latest"). If the person declines, it returns a nil book and no error.
func (s *Service) Export(ctx context.Context, c Caller, o Owner, friday string, a DisclaimerAnswer) (*ExportedBook, error) {
	if err := s.limitWrites(c, 1); err != nil {
		return nil, err
	}
	e, err := s.newExport(ctx, c, o, friday)
	if err != nil {
		return nil, err
	}
	e.trail.Disclaimer = validVersion(a.Disclaimer)
	switch {
	case a.Accepted == nil || *a.Accepted && a.Disclaimer != DisclaimerVersion:
		e.trail.Accepted = events.No
		if err := s.recordStep(ctx, c, &events.ExportDenied{Export: e.trail}); err != nil {
			return nil, err
		}
		return nil, problem.NotAccepted.WithCause(errors.New("this version of the disclaimer was not accepted"))
	case !*a.Accepted:
		e.trail.Accepted = events.No
		return nil, s.recordStep(ctx, c, &events.ExportDeclined{Export: e.trail})
	}
	e.trail.Accepted = events.Yes
	b, err := e.run(ctx)
	if err != nil {
		return nil, s.exportProblem(err)
	}
	return b, nil
}

// export is one export in progress.
type export struct {
	service *Service
	caller  Caller
	owner   Owner
	friday  checkpoint.Checkpoint
	size    size
	trail   events.Export
}

// run takes an accepted export from the queue to the finished book. After each
// durable step, a comment says what a crash at that point leaves behind.
func (e *export) run(ctx context.Context) (*ExportedBook, error) {
	s := e.service
	// An export that is refused because of a limit is not recorded.
	x, err := s.Limiter.Join(e.caller.ID, e.size.rows)
	if err != nil {
		return nil, err
	}
	delivering := false
	defer func() {
		if !delivering {
			_ = x.Close() // the file has no name, so nothing remains even if this fails
		}
	}()

	if err := s.recordStep(ctx, e.caller, &events.ExportRequested{Export: e.trail}); err != nil {
		return nil, err
	}
	// A crash or a disconnected client from here on leaves a request without a book
	// in the trail.

	if err := x.Wait(ctx); err != nil {
		return nil, err
	}
	b, err := e.make(ctx, x)
	if err != nil {
		return nil, err
	}
	// A crash here leaves the same: the file has no name, so it disappears.

	if err := e.recheck(ctx); err != nil { // the agent may have been decertified since
		return nil, err
	}
	e.trail.Rows, e.trail.SHA256 = b.Rows, b.SHA256
	if err := s.recordStep(ctx, e.caller, &events.ExportMade{Export: e.trail}); err != nil {
		return nil, err
	}
	// A crash here leaves a book in the trail that was never sent. The trail may
	// name more books than were sent, never fewer.

	if err := x.Finish(); err != nil {
		return nil, err
	}
	if err := e.recheck(ctx); err != nil { // recording takes time, too
		return nil, err
	}
	delivering = true
	return b, nil
}

// recheck returns an error if the caller may no longer download the book, or if
// the client has disconnected.
func (e *export) recheck(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r, err := e.service.currentSnapshot()
	if err != nil {
		return err
	}
	defer e.service.closeSnapshot(r)
	_, _, err = e.service.authorizeBook(r, e.caller, e.owner, e.friday.Friday.String())
	return err
}

// newExport authorizes an export and returns it. A denied request is recorded if
// the agent or agency exists and the Friday has a book.
func (s *Service) newExport(ctx context.Context, c Caller, o Owner, friday string) (*export, error) {
	r, err := s.currentSnapshot()
	if err != nil {
		return nil, err
	}
	defer s.closeSnapshot(r)
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	e := &export{service: s, caller: c, owner: o, trail: events.Export{
		ExportID: id.String(), PersonID: c.ID, AgentID: o.Agent, AgencyID: o.Agency,
		ExporterVersion: exporter.Version, Address: c.Address,
	}}
	g, err := r.grant(c, o)
	if err != nil {
		e.trail.Role = "none"
		s.recordDenied(r, e, friday)
		return nil, err
	}
	e.trail.Role = string(g.Role)
	var role access.Role
	if e.friday, role, err = s.authorizeBook(r, c, o, friday); err != nil {
		s.recordDenied(r, e, friday)
		return nil, err
	}
	e.trail.Role, e.trail.Friday = string(role), e.friday.Friday
	e.size, err = s.size(ctx, r, o, e.friday)
	return e, err
}

// recordDenied records a denied request for a book. It records nothing about
// agents, agencies or Fridays that do not exist. It records in the background,
// because the response time would otherwise reveal which agents exist.
func (s *Service) recordDenied(r *snapshot, e *export, friday string) {
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
	if !s.denials.TryAcquire(1) {
		s.Log.Error("too many denied exports at once: one is missing from the export trail")
		return
	}
	go func() {
		defer s.denials.Release(1)
		if err := s.recordStep(context.Background(), e.caller, &events.ExportDenied{Export: trail}); err != nil {
			s.Log.Error("recording a denied export failed", zap.Error(err))
		}
	}()
}

// make writes the workbook. The book of a Friday never changes, so the time spent
// in the queue does not matter.
func (e *export) make(ctx context.Context, x *exportlimit.Export) (*ExportedBook, error) {
	v, err := e.service.Node.Projection.View()
	if err != nil {
		return nil, err
	}
	b, err := book.ForOwner(ctx, v.AsOf(e.friday.Friday), v.Calendar(), e.friday.Week, e.owner.Agent, e.owner.Agency)
	if err = errors.Join(err, v.Close()); err != nil {
		return nil, err
	}
	result, err := exporter.Current().Write(ctx, x, b)
	if err != nil {
		return nil, err
	}
	return &ExportedBook{ReadCloser: x, Name: exporter.FileName(b), Rows: result.Rows, Bytes: result.Bytes, SHA256: result.SHA256}, nil
}

// recordStep appends a step of an export to the journal. The step is on disk when
// recordStep returns.
func (s *Service) recordStep(ctx context.Context, c Caller, step events.Data) error {
	_, err := s.append(ctx, c, events.SourceLedger, "", []events.Data{step})
	return err
}

// exportProblem returns the problem for an export that failed.
func (s *Service) exportProblem(err error) error {
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		return p
	}
	late := problem.Unavailable.WithRetryAfter(time.Minute)
	switch {
	case errors.Is(err, exportlimit.ErrFull):
		return late.WithDetail("Too many books are being prepared right now. Try again in a minute.").WithCause(err)
	case errors.Is(err, exportlimit.ErrTooMany):
		return problem.TooMany.WithDetail("You already have several exports in progress. Finish or cancel those first.").WithCause(err)
	case errors.Is(err, exportlimit.ErrShutdown):
		return late.WithDetail("The system is restarting. Request the book again in a minute.").WithCause(err)
	case errors.Is(err, context.DeadlineExceeded):
		return late.WithDetail("Many books are being prepared, and this one wasn't ready in time. Try again in a minute.").WithCause(err)
	case errors.Is(err, context.Canceled): // the client has disconnected
		return late.WithDetail("The connection was closed before the book was ready.").WithCause(err)
	}
	s.Log.Error("exporting a book failed", zap.Error(err))
	return problem.Internal.WithCause(err)
}

// validVersion returns s if it could be a version of the disclaimer, and ""
// otherwise, which keeps arbitrary text out of the export trail.
func validVersion(s string) string {
	if len(s) > 10 || strings.Trim(s, "0123456789.") != "" {
		return ""
	}
	return s
}
