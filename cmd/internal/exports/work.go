package exports

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Panicked is why a job failed whose Make or Record panicked. What the panic
// said is not kept, since it may name a person.
type Panicked struct {
	Stack string // where: functions, files and lines, without arguments
}

// Error says so, without the stack.
func (*Panicked) Error() string {
	return "making an export panicked: the log says where"
}

// work makes one file and ends its ticket, whatever happens meanwhile.
func (q *Queue) work(ctx context.Context, t *Ticket, j Job) {
	defer q.workers.Done()
	began := q.options.Now()
	var f *file
	var made Made
	err := error(&Panicked{})
	defer func() { q.conclude(t, f, made, err, began) }()
	if f, err = q.spool.create(); err != nil {
		return
	}
	err = &Panicked{} // stays where a job ends its goroutine
	made, err = perform(ctx, j, f)
}

// perform makes a file and records it.
func perform(ctx context.Context, j Job, f *file) (made Made, err error) {
	defer func() {
		if recover() != nil {
			made, err = Made{}, &Panicked{Stack: stack()}
		}
	}()
	sum := sha256.New()
	made, err = j.Make(ctx, io.MultiWriter(f, sum))
	if err == nil {
		err = f.failed
	}
	if err != nil {
		return Made{}, fmt.Errorf("making an export: %w", err)
	}
	if err := made.check(f.size, hex.EncodeToString(sum.Sum(nil))); err != nil {
		return Made{}, err
	}
	if err := ctx.Err(); err != nil {
		return Made{}, fmt.Errorf("making an export: %w", err) // nobody waits: there is nothing to record
	}
	if err := j.Record(ctx, made); err != nil {
		return Made{}, fmt.Errorf("recording an export: %w", err)
	}
	return made, nil
}

// check holds what the maker says against what was written: the trail must not
// name another file than the one that leaves.
func (m *Made) check(size int64, sum string) error {
	if m.Bytes == 0 {
		m.Bytes = size
	}
	if m.SHA256 == "" {
		m.SHA256 = sum
	}
	if m.Bytes != size || m.SHA256 != sum {
		return fmt.Errorf("making an export: %d bytes with SHA-256 %s were written, and not the %d with %s that were named", size, sum, m.Bytes, m.SHA256)
	}
	return nil
}

// stack is where the caller's panic came from.
func stack() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs)])
	var text strings.Builder
	for {
		frame, more := frames.Next()
		fmt.Fprintf(&text, "%s %s:%d\n", frame.Function, filepath.Base(frame.File), frame.Line)
		if !more {
			return text.String()
		}
	}
}

// conclude ends a ticket's making; a file that is not to be had is dropped.
func (q *Queue) conclude(t *Ticket, f *file, made Made, err error, began time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t.stop()
	q.making--
	q.weight -= t.job.Weight
	if lasted := q.options.Now().Sub(began); lasted > 0 {
		q.took = (3*q.took + lasted) / 4
	}
	switch {
	case t.phase == Gone:
	case err == nil:
		t.file, t.made, f = f, made, nil
		t.finish(Ready)
	default:
		if q.running.Err() != nil {
			err = fmt.Errorf("%w: %w", ErrEnded, err)
		}
		t.owner.held--
		t.fail(err)
	}
	if f != nil {
		_ = f.letGo() // it has no name: nothing can be kept by failing
	}
	q.begin()
	q.rest()
}

// proceed begins what now can be.
func (q *Queue) proceed() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.begin()
}
