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

// The disclaimer that is accepted before a book leaves, in the job aid's words.
const (
	DisclaimerVersion = "1"
	DisclaimerText    = "You are about to download customer information. You must follow Covered California privacy and security standards."
)

// DisclaimerAnswer is what was answered to the disclaimer; Accepted is nil where nothing
// was.
type DisclaimerAnswer struct {
	Disclaimer string `json:"disclaimer,omitzero" maxLength:"20" doc:"The version of the disclaimer that was shown; needed for a yes."`
	Accepted   *bool  `json:"accepted" doc:"True for a yes, false for a no."`
}

// ExportedBook is a workbook that leaves. It must be closed, and only then makes room
// for others.
type ExportedBook struct {
	io.ReadCloser
	Name   string // of the file
	Rows   int
	Bytes  int64
	SHA256 string // hexadecimal
}

// Export takes the answer to the disclaimer and, if that is a yes, returns the
// owner's book of a Friday ("2026-11-20" or "latest"). The book is nil where the
// answer was a no, which is recorded. Export waits until the book is made or
// ctx ends.
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
		return nil, problem.NotAccepted.WithCause(errors.New("no acceptance of this version"))
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

// export is one export under way.
type export struct {
	service *Service
	caller  Caller
	owner   Owner
	friday  checkpoint.Checkpoint
	size    size
	trail   events.Export
}

// run takes an accepted export from its place in line to the book that leaves.
// Each comment after a step that lasts says what a crash there leaves behind.
func (e *export) run(ctx context.Context) (*ExportedBook, error) {
	s := e.service
	// Whoever is refused because too much is under way leaves no trace.
	x, err := s.Limiter.Join(e.caller.ID, e.size.rows)
	if err != nil {
		return nil, err
	}
	delivering := false
	defer func() {
		if !delivering {
			_ = x.Close() // the file has no name: failing to close it keeps nothing
		}
	}()

	if err := s.recordStep(ctx, e.caller, &events.ExportRequested{Export: e.trail}); err != nil {
		return nil, err
	}
	// A crash from here on, or a person who goes away, leaves a request in the
	// trail that no book followed.

	if err := x.Wait(ctx); err != nil {
		return nil, err
	}
	b, err := e.make(ctx, x)
	if err != nil {
		return nil, err
	}
	// A crash here leaves the same: the file has no name and is gone.

	if err := e.recheck(ctx); err != nil { // the agent may have been decertified since
		return nil, err
	}
	e.trail.Rows, e.trail.SHA256 = b.Rows, b.SHA256
	if err := s.recordStep(ctx, e.caller, &events.ExportMade{Export: e.trail}); err != nil {
		return nil, err
	}
	// A crash here leaves a book in the trail that nobody has. The trail may name
	// more books than have left, and never fewer.

	if err := x.Finish(); err != nil {
		return nil, err
	}
	if err := e.recheck(ctx); err != nil { // to record takes time, too
		return nil, err
	}
	delivering = true
	return b, nil
}

// allowed returns why the caller may not have the book any more, or nobody waits
// for it.
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

// newExport finds the book that is asked for. That one was refused is recorded
// where its agent or agency is known, and a cutoff of that Friday.
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

// denied records that somebody asked for a book that is not open to them; of
// agents and Fridays that are not there nothing is recorded. It goes on after
// the answer, which would else tell by its time who is there.
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
		s.Log.Error("too many refused exports at once: one is not in the trail")
		return
	}
	go func() {
		defer s.denials.Release(1)
		if err := s.recordStep(context.Background(), e.caller, &events.ExportDenied{Export: trail}); err != nil {
			s.Log.Error("the trail of a refused export could not be written", zap.Error(err))
		}
	}()
}

// make writes the workbook. The book of a Friday is the same whenever it is
// made, so it does not matter how long the line was.
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

// record writes a step of an export into the journal; it is on disk when
// record returns.
func (s *Service) recordStep(ctx context.Context, c Caller, step events.Data) error {
	_, err := s.append(ctx, c, events.SourceLedger, "", []events.Data{step})
	return err
}

// failed is the problem that an export ended with.
func (s *Service) exportProblem(err error) error {
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		return p
	}
	late := problem.Unavailable.WithRetryAfter(time.Minute)
	switch {
	case errors.Is(err, exportlimit.ErrFull):
		return late.WithDetail("Very many books are being made. Try again in a little while.").WithCause(err)
	case errors.Is(err, exportlimit.ErrTooMany):
		return problem.TooMany.WithDetail("Several of your books are being made or wait to be taken. Take or leave those first.").WithCause(err)
	case errors.Is(err, exportlimit.ErrShutdown):
		return late.WithDetail("The system is being restarted. Ask for the book again in a minute.").WithCause(err)
	case errors.Is(err, context.DeadlineExceeded):
		return late.WithDetail("Many books are being made and this one was not among them in time. Try again in a minute.").WithCause(err)
	case errors.Is(err, context.Canceled): // nobody reads this
		return late.WithDetail("The connection was given up before the book was made.").WithCause(err)
	}
	s.Log.Error("making a book", zap.Error(err))
	return problem.Internal.WithCause(err)
}

// version is what may be a disclaimer's version, and blank for anything else
// that somebody wrote there: the trail is no place for it.
func validVersion(s string) string {
	if len(s) > 10 || strings.Trim(s, "0123456789.") != "" {
		return ""
	}
	return s
}
