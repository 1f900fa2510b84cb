package exports

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

var (
	// ErrFull is the reason of a [Refusal]: too many jobs wait.
	ErrFull = errors.New("too many exports wait")
	// ErrTooMany is the reason of a [Refusal]: the owner has as many exports
	// as one may have, waiting, being made, or finished and not taken.
	ErrTooMany = errors.New("one person may have no more exports at once")
	// ErrEnded is why a job failed, or was not taken, when the queue ended.
	ErrEnded = errors.New("exports have ended: ask again when they are back")
)

// Refusal is the error of a job that was not taken. Its reason is ErrFull or
// ErrTooMany.
type Refusal struct {
	Reason     error
	RetryAfter time.Duration // at least a second; an estimate
}

// Error says why, and when to try again.
func (r *Refusal) Error() string {
	return fmt.Sprintf("adding an export: %v: try again in %v", r.Reason, r.RetryAfter.Round(time.Second))
}

// Unwrap is the reason.
func (r *Refusal) Unwrap() error { return r.Reason }

// Job is one file that somebody asks for.
type Job struct {
	// Owner is who waits, as a person's id.
	Owner string
	// Weight is about how many rows are in memory while the file is made.
	Weight int
	// Make writes the file to w and says what it made. Bytes and SHA256 (in
	// hexadecimal) may be left blank and are then filled in; where they are
	// given and are not those of what was written, the job fails. ctx ends
	// when nobody waits any more.
	Make func(ctx context.Context, w io.Writer) (Made, error)
	// Record is called when the whole file is made and nobody can have it yet:
	// the durable trail is written here. If it fails the file is dropped.
	Record func(ctx context.Context, m Made) error
	// For is what the caller wants to find again with the ticket.
	For any
}

// Made is what a finished file is.
type Made struct {
	Name   string // for the person who gets it
	Rows   int
	Bytes  int64
	SHA256 string // hexadecimal
}

// Options bound a queue. A zero is the default that the comment names.
type Options struct {
	Workers     int           // files made at once: 2
	MaxWeight   int           // the sum of the weights made at once: 120,000; a heavier job is made alone
	MaxWaiting  int           // jobs that wait: 5,000
	MaxPerOwner int           // one owner's jobs, finished and not taken ones too: 3
	MaxSpooled  int64         // bytes of files from which on no job is begun: 1 GiB
	Keep        time.Duration // how long a finished file waits to be fetched: 10 minutes
	Dir         string        // where the files lie; it is made, for its owner alone. Required
	Now         func() time.Time
}

func (o Options) withDefaults() (Options, error) {
	if o.Workers < 0 || o.MaxWeight < 0 || o.MaxWaiting < 0 || o.MaxPerOwner < 0 || o.MaxSpooled < 0 || o.Keep < 0 {
		return o, errors.New("setting up exports: a bound is negative")
	}
	if o.Dir == "" {
		return o, errors.New("setting up exports: the folder for finished files is missing")
	}
	o.Workers = orDefault(o.Workers, 2)
	o.MaxWeight = orDefault(o.MaxWeight, 120_000)
	o.MaxWaiting = orDefault(o.MaxWaiting, 5000)
	o.MaxPerOwner = orDefault(o.MaxPerOwner, 3)
	o.MaxSpooled = orDefault(o.MaxSpooled, 1<<30)
	o.Keep = orDefault(o.Keep, 10*time.Minute)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}

func orDefault[T int | int64 | time.Duration](v, standard T) T {
	if v == 0 {
		return standard
	}
	return v
}

// sweepEvery is how long at most a file outlives its time when nobody asks.
const sweepEvery = time.Second

// Queue holds the jobs that wait, those being made, and the finished files.
// All its methods may be called by several goroutines at once.
type Queue struct {
	options Options
	spool   *spool

	mu       sync.Mutex
	running  context.Context // nil until Run, and nothing is made
	ended    bool
	workers  sync.WaitGroup
	tickets  map[string]*Ticket // all but the gone ones
	turns    turns
	finished []*Ticket // ready, failed, or gone after that; the first to expire comes first
	making   int
	weight   int           // the sum of those being made
	took     time.Duration // how long a job takes, lately
}

// New makes a queue, and its folder where there is none. Files that an earlier
// queue left in it are removed. Nothing is made until [Queue.Run].
func New(o Options) (*Queue, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s, err := openSpool(o.Dir)
	if err != nil {
		return nil, err
	}
	return &Queue{
		options: o, spool: s, tickets: map[string]*Ticket{},
		turns: turns{owners: map[string]*owner{}}, took: time.Second,
	}, nil
}

// Run makes what is asked for until ctx ends, which is an orderly end and no
// error: jobs that wait or are being made then fail with ErrEnded, and Run
// waits for the latter to return. Files that are finished can still be opened.
// A queue runs once.
func (q *Queue) Run(ctx context.Context) error {
	q.mu.Lock()
	if q.running != nil {
		q.mu.Unlock()
		return errors.New("running exports: the queue has run already: make a new one")
	}
	q.running = ctx
	q.begin()
	q.mu.Unlock()

	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-ticker.C:
			q.sweep()
		}
	}
	q.mu.Lock()
	q.ended = true
	for _, t := range q.tickets {
		if t.phase == Waiting {
			q.turns.leave(t)
			t.fail(ErrEnded)
		}
	}
	q.mu.Unlock()
	q.workers.Wait()
	return nil
}

// Add takes a job in. Its error is a *[Refusal] or ErrEnded where it could not
// be taken, and any other where the job itself is not whole.
func (q *Queue) Add(j Job) (*Ticket, error) {
	if j.Owner == "" || j.Weight < 0 || j.Make == nil || j.Record == nil {
		return nil, errors.New("adding an export: it needs an owner, a weight that is not negative, Make and Record")
	}
	q.sweep()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return nil, fmt.Errorf("adding an export: %w", ErrEnded)
	}
	if o := q.turns.owners[j.Owner]; o != nil && o.held >= q.options.MaxPerOwner {
		return nil, &Refusal{ErrTooMany, q.untilOneIsFree(o)}
	}
	if q.turns.waiting >= q.options.MaxWaiting {
		return nil, &Refusal{ErrFull, q.within(q.took)}
	}
	t := &Ticket{id: rand.Text(), queue: q, job: j, done: make(chan struct{})}
	q.tickets[t.id] = t
	q.turns.join(t)
	if failed := t.owner.failed; len(failed) >= q.options.MaxPerOwner {
		q.drop(failed[0]) // who asks again has seen it
	}
	q.begin()
	return t, nil
}

// Ticket is the ticket of that id. A ticket that is gone is no longer known:
// its id and one that never was answer alike.
func (q *Queue) Ticket(id string) (*Ticket, bool) {
	q.sweep()
	q.mu.Lock()
	defer q.mu.Unlock()
	t, ok := q.tickets[id]
	return t, ok
}

// Of returns the tickets of an owner that are waiting, being made, ready or
// failed, in no set order.
func (q *Queue) Of(owner string) []*Ticket {
	q.sweep()
	q.mu.Lock()
	defer q.mu.Unlock()
	var own []*Ticket
	for _, t := range q.tickets {
		if t.job.Owner == owner {
			own = append(own, t)
		}
	}
	return own
}

// begin starts the jobs whose turn it is, as long as the bounds allow. The
// next in turn is never passed over for a lighter one: it would wait for ever.
func (q *Queue) begin() {
	if q.running == nil || q.ended || q.running.Err() != nil {
		return
	}
	for q.making < q.options.Workers && q.spool.bytes.Load() < q.options.MaxSpooled {
		t := q.turns.first()
		if t == nil || q.making > 0 && t.job.Weight > q.options.MaxWeight-q.weight {
			return
		}
		q.turns.serve(t)
		t.phase = Making
		ctx, cancel := context.WithCancel(q.running)
		t.stop = cancel
		q.making++
		q.weight += t.job.Weight
		q.workers.Add(1)
		go q.work(ctx, t, t.job)
	}
}

// sweep lets go of what nobody has fetched in time.
func (q *Queue) sweep() {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.options.Now()
	for len(q.finished) > 0 {
		t := q.finished[0]
		if t.phase != Gone && now.Before(t.expires) {
			break
		}
		q.finished = slices.Delete(q.finished, 0, 1)
		q.drop(t)
	}
	q.begin()
}

// drop makes a ticket gone, whatever it was.
func (q *Queue) drop(t *Ticket) {
	switch t.phase {
	case Gone:
		return
	case Waiting:
		q.turns.leave(t)
		close(t.done)
	case Making:
		t.owner.held--
		t.stop() // what it still makes is thrown away
		close(t.done)
	case Ready:
		t.owner.held--
		_ = t.file.letGo() // it has no name: nothing can be kept by failing
	case Failed:
		t.owner.forgetFailed(t)
	}
	t.phase = Gone
	t.job.Make, t.job.Record = nil, nil // what they hold on to can go
	delete(q.tickets, t.id)
	q.rest()
}

// rest begins a new round when there is nothing to do, so that nobody is
// remembered for ever.
func (q *Queue) rest() {
	if q.making == 0 && q.turns.waiting == 0 {
		q.turns.advance()
	}
}

// within is a waiting time that one can be told.
func (q *Queue) within(d time.Duration) time.Duration {
	return min(max(d, time.Second), max(q.options.Keep, time.Second))
}

// untilOneIsFree is when an owner's oldest file expires or, where none is
// finished, about when the first one will be.
func (q *Queue) untilOneIsFree(o *owner) time.Duration {
	for _, t := range q.finished {
		if t.owner == o && t.phase == Ready {
			return q.within(t.expires.Sub(q.options.Now()))
		}
	}
	before := 1
	if len(o.waiting) > 0 {
		before += q.turns.place(o.waiting[0])
	}
	return q.within(time.Duration(before) * q.took / time.Duration(q.options.Workers))
}
