package exports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestOwnersTakeTurns(t *testing.T) {
	q, err := New(Options{Dir: filepath.Join(t.TempDir(), "spool"), Workers: 1, MaxPerOwner: 9})
	if err != nil {
		t.Fatal(err)
	}
	began := make(chan string)
	leave := make(chan struct{})
	ask := func(owner, name string) *Ticket {
		j := writing(owner, name)
		j.Make = func(context.Context, io.Writer) (Made, error) {
			began <- name
			<-leave
			return Made{}, nil
		}
		return add(t, q, j)
	}
	for _, name := range []string{"a1", "a2", "a3", "b1", "b2", "c1"} {
		ask(name[:1], name)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- q.Run(ctx) }()
	var order []string
	for range 9 {
		order = append(order, <-began)
		switch order[len(order)-1] {
		case "a1":
			ask("d", "d1") // comes while a's first is being made, and before a's second
		case "b1":
			ask("b", "b3")
		case "a2":
			ask("d", "d2") // has had nothing in this round
		}
		leave <- struct{}{}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if want := []string{"a1", "b1", "c1", "d1", "a2", "b2", "d2", "a3", "b3"}; !slices.Equal(order, want) {
		t.Errorf("they were made in the order %v, want %v", order, want)
	}
}

// life is a queue under random demands, with what the test knows of it.
type life struct {
	t       *testing.T
	rand    *rand.Rand
	q       *Queue
	now     *clock
	tickets []*Ticket
	leave   map[*Ticket]chan error
	readers []io.ReadCloser
	since   map[*Ticket]map[string]int // of a foremost waiting job: the owners begun since it is
}

// TestBoundsTurnsAndPlaces lets random owners add, take, give up and forget
// exports, and after each step holds the whole state against what is promised.
func TestBoundsTurnsAndPlaces(t *testing.T) {
	for range 30 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "spool")
			synctest.Test(t, func(t *testing.T) {
				l := &life{t: t, rand: rand.New(rand.NewPCG(seed, 0)), now: newClock(), leave: map[*Ticket]chan error{}, since: map[*Ticket]map[string]int{}}
				var stop func()
				l.q, stop = start(t, Options{Dir: dir, Workers: 3, MaxWeight: 100, MaxWaiting: 12, MaxPerOwner: 4, MaxSpooled: 40, Keep: time.Minute, Now: l.now.Now})
				synctest.Wait()
				for range 300 {
					l.step()
				}
				l.finish(stop)
			})
		})
	}
}

// step is one demand.
func (l *life) step() {
	before := l.order()
	added, left := false, false
	switch l.rand.IntN(10) {
	case 0, 1, 2, 3:
		added = l.add()
	case 4, 5:
		l.letOneFinish()
	case 6:
		if len(l.tickets) > 0 {
			gone := l.tickets[l.rand.IntN(len(l.tickets))]
			left = gone.State().Phase == Waiting
			gone.Release()
			before = slices.DeleteFunc(before, func(other *Ticket) bool { return other == gone })
		}
	case 7:
		l.now.move(time.Duration(l.rand.IntN(20)) * time.Second)
		l.q.sweep()
	case 8:
		if r, made, err := l.any().Open(); err == nil {
			if made.Bytes == 0 {
				l.t.Fatal("an empty file is ready")
			}
			l.readers = append(l.readers, r)
		}
	case 9:
		if len(l.readers) > 0 {
			if err := l.readers[0].Close(); err != nil {
				l.t.Fatal(err)
			}
			l.readers = l.readers[1:]
		}
	}
	synctest.Wait()
	l.check(before, added, left)
}

// any is any ticket.
func (l *life) any() *Ticket {
	if len(l.tickets) == 0 {
		return &Ticket{queue: l.q, phase: Gone}
	}
	return l.tickets[l.rand.IntN(len(l.tickets))]
}

func (l *life) add() bool {
	leave := make(chan error, 1)
	owner := fmt.Sprint("agent-", l.rand.IntN(6))
	ticket, err := l.q.Add(Job{Owner: owner, Weight: l.rand.IntN(130), Record: recordNothing, Make: func(ctx context.Context, w io.Writer) (Made, error) {
		if _, err := w.Write([]byte("a book")); err != nil {
			return Made{}, err
		}
		select {
		case err := <-leave:
			return Made{}, err
		case <-ctx.Done():
			return Made{}, ctx.Err()
		}
	}})
	waiting, holds := 0, 0
	for _, other := range l.tickets {
		if other.phase == Waiting {
			waiting++
		}
		if other.Owner() == owner && other.phase <= Ready {
			holds++
		}
	}
	switch {
	case err == nil && holds < 4 && waiting < 12:
		l.tickets = append(l.tickets, ticket)
		l.leave[ticket] = leave
		return true
	case errors.Is(err, ErrTooMany) && holds == 4, errors.Is(err, ErrFull) && waiting == 12:
		return false
	}
	l.t.Fatalf("with %d waiting and %d of the owner's the answer is %v", waiting, holds, err)
	return false
}

// letOneFinish ends the making of one, well or not.
func (l *life) letOneFinish() {
	for _, i := range l.rand.Perm(len(l.tickets)) {
		if ticket := l.tickets[i]; ticket.phase == Making {
			var err error
			if l.rand.IntN(4) == 0 {
				err = errors.New("no such book")
			}
			l.leave[ticket] <- err
			return
		}
	}
}

// order is the waiting tickets by their places, which must be 0, 1, 2, …
func (l *life) order() []*Ticket {
	var waiting []*Ticket
	places := map[int]*Ticket{}
	for _, ticket := range l.tickets {
		if s := ticket.State(); s.Phase == Waiting {
			waiting = append(waiting, ticket)
			places[s.Place] = ticket
		}
	}
	for i := range waiting {
		if places[i] == nil {
			l.t.Fatalf("of %d waiting jobs none has place %d", len(waiting), i)
		}
		waiting[i] = places[i]
	}
	return waiting
}

// check holds the state against the promises. before are those that waited
// before the step, in order; when one has left, its owner's others move up.
func (l *life) check(before []*Ticket, added, left bool) {
	l.t.Helper()
	after := l.order()
	stillWaiting := func(ticket *Ticket) bool { return ticket.phase == Waiting }
	begun := slices.DeleteFunc(slices.Clone(before), stillWaiting)
	if !left && !slices.Equal(begun, before[:len(begun)]) {
		l.t.Fatal("a job was begun before one that had a better place")
	}
	if rest := before[len(begun):]; !added && !left && !slices.Equal(rest, after) {
		l.t.Fatal("the order changed although nobody came")
	}
	if added {
		if ticket := l.tickets[len(l.tickets)-1]; ticket.phase == Making {
			begun = append(begun, ticket)
		}
	}
	l.checkTurns(begun, after)
	l.checkBounds(after)
}

// checkTurns counts, for each owner's foremost job, who was begun while it was
// that: no other owner twice.
func (l *life) checkTurns(begun, waiting []*Ticket) {
	for _, ticket := range begun {
		delete(l.since, ticket)
		for first, owners := range l.since {
			if first.phase != Waiting {
				delete(l.since, first)
				continue
			}
			if owners[ticket.Owner()]++; owners[ticket.Owner()] > 1 {
				l.t.Fatalf("%s's first job waited behind two of %s's", first.Owner(), ticket.Owner())
			}
		}
	}
	for _, ticket := range waiting {
		if ticket.owner.waiting[0] == ticket && l.since[ticket] == nil {
			l.since[ticket] = map[string]int{}
		}
	}
}

func (l *life) checkBounds(waiting []*Ticket) {
	making, weight, spooled := 0, 0, int64(6*len(l.openOnly()))
	for _, ticket := range l.tickets {
		switch ticket.phase {
		case Making:
			making++
			weight += ticket.job.Weight
			spooled += 6
		case Ready:
			spooled += 6
		}
	}
	if making > 3 || making > 1 && weight > 100 {
		l.t.Fatalf("%d jobs of weight %d are being made", making, weight)
	}
	if got := l.q.spool.bytes.Load(); got != spooled || making != l.q.making || weight != l.q.weight {
		l.t.Fatalf("%d bytes, %d jobs, weight %d are counted; there are %d, %d, %d", got, l.q.making, l.q.weight, spooled, making, weight)
	}
	// A job is begun below 40 bytes only, and up to three may then be written.
	if spooled >= 40+3*6 {
		l.t.Fatalf("%d bytes are spooled", spooled)
	}
	if len(waiting) > 0 && making < 3 && spooled < 40 && (making == 0 || weight+waiting[0].job.Weight <= 100) {
		l.t.Fatal("a job waits for nothing")
	}
}

// openOnly are the files that nobody holds but their readers.
func (l *life) openOnly() map[int64]bool {
	files := map[int64]bool{}
	for _, r := range l.readers {
		section := r.(*reader).SectionReader
		outer, _, _ := section.Outer()
		owned := slices.ContainsFunc(l.tickets, func(t *Ticket) bool { return t.phase == Ready && t.file.file == outer })
		if !owned {
			files[int64(fd(outer))] = true
		}
	}
	return files
}

func fd(r io.ReaderAt) uintptr { return r.(interface{ Fd() uintptr }).Fd() }

// finish ends the queue; when all is released nothing is left of anything.
func (l *life) finish(stop func()) {
	stop()
	for _, r := range l.readers {
		if err := r.Close(); err != nil {
			l.t.Fatal(err)
		}
	}
	for _, ticket := range l.tickets {
		ticket.Release()
	}
	if n := l.q.spool.bytes.Load(); n != 0 || len(l.q.tickets) != 0 || len(l.q.turns.owners) != 0 {
		l.t.Fatalf("%d bytes, %d tickets and %d owners are left", n, len(l.q.tickets), len(l.q.turns.owners))
	}
}
