package exportlimit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/semaphore"
)

var (
	// ErrFull is returned when the queue is full, or when a file finds no space.
	ErrFull = errors.New("too many exports at once")
	// ErrTooMany is returned when the person has reached the limit of exports.
	ErrTooMany = errors.New("too many exports of one person")
	// ErrShutdown is returned to exports that wait or join after [Limiter.Drain].
	ErrShutdown = errors.New("no more exports: shutting down")
)

// Limits configures a Limiter. A zero field means its default.
type Limits struct {
	PerPerson  int    // exports of one person, from Join to Close; default 3
	Waiting    int    // exports in the queue; default 5,000
	Concurrent int64  // books made at once; default 2
	Rows       int64  // rows in memory at once; default 120,000. A larger book is made when no other is
	Bytes      int64  // bytes of files until Close; default 1 GiB
	Dir        string // folder of the files, for example the data folder
}

// The bytes reserved for a file before its size is known. A workbook has about 40 KB
// and 150 bytes a row. A larger file needs free space while it is written.
const (
	reservedPerFile = 64 << 10
	reservedPerRow  = 256
)

// Limiter queues and limits exports. It is safe for concurrent use.
type Limiter struct {
	limits                    Limits
	front, slots, rows, bytes *semaphore.Weighted // each is acquired in order of arrival

	drained context.Context
	drain   context.CancelFunc

	mu      sync.Mutex
	waiting int
	persons map[string]*person // persons with an export, by ID
}

// person is the state of a person who has exports.
type person struct {
	exports int
	turn    *semaphore.Weighted // held while one of the person's exports waits or is being made
}

// New returns a limiter. It removes empty files of an earlier process that crashed
// before it removed their names.
func New(l Limits) (*Limiter, error) {
	l.PerPerson, l.Waiting = cmp.Or(l.PerPerson, 3), cmp.Or(l.Waiting, 5000)
	l.Concurrent, l.Rows, l.Bytes = cmp.Or(l.Concurrent, 2), cmp.Or(l.Rows, 120_000), cmp.Or(l.Bytes, 1<<30)
	left, err := filepath.Glob(filepath.Join(l.Dir, ".export-*"))
	for _, name := range left {
		err = errors.Join(err, os.Remove(name))
	}
	if err != nil {
		return nil, fmt.Errorf("removing files of an earlier export: %w", err)
	}
	n := &Limiter{
		limits: l, persons: map[string]*person{},
		front: semaphore.NewWeighted(1), slots: semaphore.NewWeighted(l.Concurrent),
		rows: semaphore.NewWeighted(l.Rows), bytes: semaphore.NewWeighted(l.Bytes),
	}
	n.drained, n.drain = context.WithCancel(context.Background())
	return n, nil
}

// Drain ends the wait of all queued exports with ErrShutdown, and refuses new ones.
// Exports whose book is being made continue.
func (l *Limiter) Drain() { l.drain() }

// Export is one export, from the queue to the delivery of its file. It must be
// closed, and is not safe for concurrent use.
type Export struct {
	limiter  *Limiter
	name     string
	person   *person
	rows     int64
	waiting  bool
	acquired map[*semaphore.Weighted]int64
	file     *os.File
	size     int64
}

// Join adds an export to the queue, for a person and a book with a number of rows.
// The error is ErrFull, ErrTooMany or ErrShutdown.
func (l *Limiter) Join(name string, rows int) (*Export, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.persons[name]
	switch {
	case l.drained.Err() != nil:
		return nil, ErrShutdown
	case p != nil && p.exports == l.limits.PerPerson:
		return nil, ErrTooMany
	case l.waiting == l.limits.Waiting:
		return nil, ErrFull
	case p == nil:
		p = &person{turn: semaphore.NewWeighted(1)}
		l.persons[name] = p
	}
	p.exports++
	l.waiting++
	return &Export{limiter: l, name: name, person: p, rows: max(1, int64(rows)), waiting: true, acquired: map[*semaphore.Weighted]int64{}}, nil
}

// Wait returns when the book may be made, and opens its file for writing. Its error
// is that of ctx, ErrShutdown, or an error of the file.
func (x *Export) Wait(ctx context.Context) error {
	defer x.stopWaiting()
	l := x.limiter
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(l.drained, func() { cancel(ErrShutdown) })()
	// Only the export at the front of the queue waits for a slot, rows and bytes. All
	// others wait behind it, so none is overtaken.
	for _, need := range [...]struct {
		of *semaphore.Weighted
		n  int64
	}{{x.person.turn, 1}, {l.front, 1}, {l.bytes, min(reservedPerFile+x.rows*reservedPerRow, l.limits.Bytes)}, {l.slots, 1}, {l.rows, min(x.rows, l.limits.Rows)}} {
		if need.of.Acquire(ctx, need.n) != nil {
			return context.Cause(ctx)
		}
		x.acquired[need.of] = need.n
	}
	x.release(l.front)
	return x.create()
}

// create creates a file without a name that only the current user can read.
func (x *Export) create() (err error) {
	if x.file, err = os.CreateTemp(x.limiter.limits.Dir, ".export-*"); err != nil {
		return fmt.Errorf("creating the file of an export: %w", err)
	}
	// A crash here leaves an empty file. New removes it.
	if err := os.Remove(x.file.Name()); err != nil {
		return fmt.Errorf("removing the name of an export's file: %w", err)
	}
	return nil
}

// Write appends to the file. It returns ErrFull if the file exceeds its reservation
// and no space is free.
func (x *Export) Write(p []byte) (int, error) {
	l := x.limiter
	if more := x.size + int64(len(p)) - x.acquired[l.bytes]; more > 0 {
		if !l.bytes.TryAcquire(more) {
			return 0, ErrFull
		}
		x.acquired[l.bytes] += more
	}
	n, err := x.file.Write(p)
	x.size += int64(n)
	return n, err
}

// Finish ends the writing, so that the next book can be made. After it, the file can
// be read from its beginning.
func (x *Export) Finish() error {
	l := x.limiter
	x.release(l.slots, l.rows, x.person.turn)
	l.bytes.Release(x.acquired[l.bytes] - x.size)
	x.acquired[l.bytes] = x.size
	_, err := x.file.Seek(0, io.SeekStart)
	return err
}

// Read reads the file. Call it only after Finish.
func (x *Export) Read(p []byte) (int, error) { return x.file.Read(p) }

// Close ends the export at any stage. Further calls do nothing.
func (x *Export) Close() error {
	if x.person == nil {
		return nil
	}
	x.stopWaiting()
	l := x.limiter
	x.release(l.front, l.slots, l.rows, l.bytes, x.person.turn)
	l.mu.Lock()
	defer l.mu.Unlock()
	if x.person.exports--; x.person.exports == 0 {
		delete(l.persons, x.name)
	}
	x.person = nil
	if x.file == nil {
		return nil
	}
	return x.file.Close()
}

// release returns what was acquired from the semaphores.
func (x *Export) release(all ...*semaphore.Weighted) {
	for _, s := range all {
		s.Release(x.acquired[s])
		delete(x.acquired, s)
	}
}

// stopWaiting removes the export from the count of the queue.
func (x *Export) stopWaiting() {
	if x.waiting {
		x.waiting = false
		x.limiter.mu.Lock()
		x.limiter.waiting--
		x.limiter.mu.Unlock()
	}
}
