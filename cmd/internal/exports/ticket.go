package exports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

var (
	// ErrNotReady is the error of opening a file that is not finished.
	ErrNotReady = errors.New("the export is not ready: wait until it is")
	// ErrGone is the error of opening a file that was taken or has expired.
	ErrGone = errors.New("the export was taken or has expired: ask for it anew")
)

// Phase is how far a ticket has come.
type Phase int

// A ticket is Waiting, then Making, then Ready or Failed, and Gone when it was
// released or has expired.
const (
	Waiting Phase = iota
	Making
	Ready
	Failed
	Gone
)

// String is the phase as one lower-case word.
func (p Phase) String() string {
	switch p {
	case Waiting:
		return "waiting"
	case Making:
		return "making"
	case Ready:
		return "ready"
	case Failed:
		return "failed"
	case Gone:
		return "gone"
	}
	return fmt.Sprintf("phase %d", int(p))
}

// State is a ticket at one moment.
type State struct {
	Phase Phase
	Place int   // Waiting: how many waiting jobs are begun before it if none comes or leaves
	Made  Made  // Ready
	Err   error // Failed: why
}

// Ticket is one job's place in the queue, and then its file.
type Ticket struct {
	id    string
	queue *Queue
	done  chan struct{}
	owner *owner

	// Guarded by the queue's lock.
	job     Job
	phase   Phase
	stop    context.CancelFunc // Making
	file    *file              // Ready
	made    Made
	err     error
	expires time.Time // Ready and Failed
}

// ID is what a URL may hold: 26 letters and digits that cannot be guessed. It
// is no permission: whether the person who shows it is the owner is left to
// the caller.
func (t *Ticket) ID() string { return t.id }

// Owner is the job's owner.
func (t *Ticket) Owner() string { return t.job.Owner }

// For is the job's For.
func (t *Ticket) For() any { return t.job.For }

// Done is closed when the ticket is ready, failed or gone.
func (t *Ticket) Done() <-chan struct{} { return t.done }

// State is how far the ticket has come.
func (t *Ticket) State() State {
	t.queue.sweep()
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	s := State{Phase: t.phase, Made: t.made, Err: t.err}
	if t.phase == Waiting {
		s.Place = t.queue.turns.place(t)
	}
	return s
}

// Open is the finished file from its start. It can be opened again until it is
// released or expires, and what is open stays whole until it is closed. The
// reader is an io.Seeker too. The error is ErrNotReady, ErrGone, or why the
// job failed.
func (t *Ticket) Open() (io.ReadCloser, Made, error) {
	t.queue.sweep()
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	switch t.phase {
	case Ready:
		return t.file.open(t.queue.proceed), t.made, nil
	case Failed:
		return nil, Made{}, fmt.Errorf("opening an export: %w", t.err)
	case Gone:
		return nil, Made{}, fmt.Errorf("opening an export: %w", ErrGone)
	}
	return nil, Made{}, fmt.Errorf("opening an export: %w", ErrNotReady)
}

// Release says that the file has been delivered whole, or that nobody waits
// for it any more. A job that waits leaves the queue, one that is being made
// is told to stop, a finished file is dropped. Releasing again does nothing.
func (t *Ticket) Release() {
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	t.queue.drop(t)
	t.queue.begin()
}

// fail ends a job that is no longer held.
func (t *Ticket) fail(err error) {
	t.err = err
	t.owner.failed = append(t.owner.failed, t)
	t.finish(Failed)
}

func (t *Ticket) finish(p Phase) {
	t.phase = p
	t.job.Make, t.job.Record = nil, nil // what they hold on to can go
	t.expires = t.queue.options.Now().Add(t.queue.options.Keep)
	t.queue.finished = append(t.queue.finished, t)
	close(t.done)
}
