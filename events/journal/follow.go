package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"bookledger/events/record"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// maxYield is how many records are handed over at once.
	maxYield = 512
	// heartbeat is how often the server says that it has nothing to say.
	heartbeat = 5 * time.Second
)

// Follow hands over every record after sequence after, in order and without a
// gap, first those that are there and then each as it comes, until ctx ends,
// yield returns an error, or the journal is closed. It hands over up to 512 at
// once, and never waits for more: what is there goes.
//
// yield may keep the records. Follow returns ErrBehind if the journal ends
// before after, ErrGap if a record is missing, and ErrReconnected when the
// flow was interrupted: the caller checks that the record at its position is
// the one that it knows, and calls Follow again from there. That is the same
// call as at the start, so recovery needs no code of its own.
func (j *Journal) Follow(ctx context.Context, after uint64, yield func([]record.Record) error) error {
	return j.deliver(ctx, after, 0, yield)
}

// Read is Follow that ends after the record upTo: what Client's does, several
// times as fast. It returns ErrBehind if the journal ends before upTo.
func (j *Journal) Read(ctx context.Context, after, upTo uint64, yield func([]record.Record) error) error {
	if upTo <= after {
		return nil
	}
	return j.deliver(ctx, after, upTo, yield)
}

func (j *Journal) deliver(ctx context.Context, after, upTo uint64, yield func([]record.Record) error) error {
	if err := j.follow(ctx, after, upTo, yield); err != nil {
		return fmt.Errorf("follow the journal after record %d: %w", after, err)
	}
	return nil
}

func (j *Journal) follow(ctx context.Context, after, upTo uint64, yield func([]record.Record) error) error {
	// Taken first: a connection that is lost while the consumer is made counts.
	lost := j.connection()
	last, err := j.Last(ctx)
	if err != nil {
		return err
	}
	if need := max(after, upTo); last < need {
		return fmt.Errorf("%w: it ends at record %d, before %d", ErrBehind, last, need)
	}
	in := &incoming{ready: make(chan struct{}, 1)}
	stop, err := j.consume(ctx, after+1, in)
	if err != nil {
		return err
	}
	defer stop()
	f := &follower{j: j, in: in, pos: after, upTo: upTo, yield: yield}
	return f.run(ctx, lost)
}

// consume makes a push consumer that begins at first and leads it into in, until
// stop is called. Flow control bounds what is under way.
func (j *Journal) consume(ctx context.Context, first uint64, in *incoming) (stop func(), err error) {
	sub, err := j.nc.Subscribe(j.nc.NewInbox(), in.receive)
	if err != nil {
		return nil, fmt.Errorf("subscribe: %w", j.requestError(ctx, err))
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return nil, errors.Join(err, sub.Unsubscribe())
	}
	bounded, cancel := j.withTimeout(ctx)
	defer cancel()
	consumer, err := j.js.CreatePushConsumer(bounded, Stream, jetstream.ConsumerConfig{
		DeliverSubject:    sub.Subject,
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       first,
		AckPolicy:         jetstream.AckNonePolicy,
		MaxDeliver:        1,
		ReplayPolicy:      jetstream.ReplayInstantPolicy,
		InactiveThreshold: 5 * time.Minute,
		IdleHeartbeat:     heartbeat,
		FlowControl:       true,
		MemoryStorage:     true,
		Replicas:          1,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create consumer: %w", j.requestError(bounded, err)), sub.Unsubscribe())
	}
	return func() {
		sub.Unsubscribe()
		// A courtesy, and unanswered: the server drops an idle one anyway.
		if j.nc.IsConnected() {
			j.nc.Publish("$JS.API.CONSUMER.DELETE."+Stream+"."+consumer.CachedInfo().Name, nil)
		}
	}, nil
}

// An incoming passes what the server sends from the client library's goroutine
// to the follower's. Flow control bounds it: the server sends on only as the
// follower, not the library, comes along.
type incoming struct {
	mu    sync.Mutex
	queue []delivery
	ready chan struct{} // holds one token whenever the queue was filled
}

// A delivery is up to maxYield records or one word of the server.
type delivery struct {
	records []record.Record
	control *controlMessage
}

// A controlMessage is what the server says between records.
type controlMessage struct {
	err     error
	reply   string // flow control: answer here when everything before is done
	lastSeq uint64 // heartbeat: the last record that was sent
}

// receive is called by the client library for each message.
func (in *incoming) receive(msg *nats.Msg) {
	// The reply subject tells a record from a word of the server. The header
	// does not: whoever publishes an event may put a Status into it.
	if !strings.HasPrefix(msg.Reply, ackPrefix) {
		in.put(delivery{control: parseControl(msg)})
		return
	}
	seq, stamped, err := parseReplySubject(msg.Reply)
	if err != nil {
		in.put(delivery{control: &controlMessage{err: err}})
		return
	}
	in.mu.Lock()
	n := len(in.queue)
	if n == 0 || in.queue[n-1].control != nil || len(in.queue[n-1].records) == maxYield {
		room := 8
		if n > 0 {
			room = maxYield // they come faster than they are taken
		}
		in.queue = append(in.queue, delivery{records: make([]record.Record, 0, room)})
		n++
	}
	last := &in.queue[n-1]
	last.records = append(last.records, record.Record{
		Seq:     seq,
		Stamped: stamped,
		Subject: msg.Subject,
		Header:  recordedHeader(msg.Subject, msg.Header),
		Body:    msg.Data,
	})
	in.unlock(n == 1 && len(last.records) == 1)
}

func (in *incoming) put(d delivery) {
	in.mu.Lock()
	in.queue = append(in.queue, d)
	in.unlock(len(in.queue) == 1)
}

// unlock wakes the follower if the queue was empty.
func (in *incoming) unlock(first bool) {
	in.mu.Unlock()
	if first {
		select {
		case in.ready <- struct{}{}:
		default:
		}
	}
}

// drain returns all that has come, and reuses spare for what comes next.
func (in *incoming) drain(spare []delivery) []delivery {
	in.mu.Lock()
	defer in.mu.Unlock()
	got := in.queue
	in.queue = spare[:0]
	return got
}

// parseControl reads a heartbeat or a request of the flow control, which a heartbeat
// of a stalled flow carries too. Anything else is an error.
func parseControl(msg *nats.Msg) *controlMessage {
	if status := msg.Header.Get("Status"); status != "100" {
		return &controlMessage{err: fmt.Errorf("%w: the server says %s %s", ErrReconnected, status, msg.Header.Get("Description"))}
	}
	c := &controlMessage{reply: cmp.Or(msg.Reply, msg.Header.Get("Nats-Consumer-Stalled"))}
	c.lastSeq, _ = strconv.ParseUint(msg.Header.Get("Nats-Last-Stream"), 10, 64)
	return c
}

// A follower hands one consumer's deliveries over and keeps the position.
type follower struct {
	j     *Journal
	in    *incoming
	pos   uint64 // the last record handed over
	upTo  uint64 // the last to hand over; 0: no end
	yield func([]record.Record) error
}

func (f *follower) run(ctx, lost context.Context) error {
	silence := time.NewTimer(3 * heartbeat)
	defer silence.Stop()
	var got []delivery
	for f.upTo == 0 || f.pos < f.upTo {
		select {
		case <-f.in.ready:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-f.j.ctx.Done():
			return ErrClosed
		case <-lost.Done():
			return ErrReconnected
		case <-silence.C:
			return fmt.Errorf("%w: the server was silent for %v", ErrReconnected, 3*heartbeat)
		}
		got = f.in.drain(got)
		for _, d := range got {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := f.handle(d); err != nil {
				return err
			}
		}
		clear(got)
		silence.Reset(3 * heartbeat)
	}
	return nil
}

func (f *follower) handle(d delivery) error {
	if d.control != nil {
		return f.handleControl(d.control)
	}
	whole := f.contiguous(d.records)
	if len(whole) > 0 {
		if err := f.yield(whole); err != nil {
			return err
		}
		f.pos += uint64(len(whole))
	}
	if len(whole) < len(d.records) && (f.upTo == 0 || f.pos < f.upTo) {
		return fmt.Errorf("%w: record %d came after record %d", ErrGap, d.records[len(whole)].Seq, f.pos)
	}
	return nil
}

// contiguous returns the records from the beginning that follow the position
// without a gap, up to the last that is wanted.
func (f *follower) contiguous(records []record.Record) []record.Record {
	for i := range records {
		seq := f.pos + 1 + uint64(i)
		if records[i].Seq != seq || f.upTo != 0 && seq > f.upTo {
			return records[:i]
		}
	}
	return records
}

// handleControl lets the server send on, and compares what it says it has sent.
func (f *follower) handleControl(c *controlMessage) error {
	if c.err != nil {
		return c.err
	}
	if c.reply != "" {
		if err := f.j.nc.Publish(c.reply, nil); err != nil {
			return fmt.Errorf("%w: %w", ErrReconnected, err)
		}
	}
	if c.lastSeq > f.pos && (f.upTo == 0 || f.pos < f.upTo) {
		return fmt.Errorf("%w: the server has sent record %d, and %d was the last to arrive", ErrGap, c.lastSeq, f.pos)
	}
	return nil
}

// ackPrefix begins the reply subject of a record.
const ackPrefix = "$JS.ACK."

// parseReplySubject reads sequence and stamp from a delivery's reply subject, which has
// 9 tokens,
//
//	$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<stamp>.<pending>
//
// or, in its second form, two more before the stream (domain and account).
func parseReplySubject(reply string) (seq uint64, stamped time.Time, err error) {
	var dots [12]int
	n := 0
	for i := 0; i < len(reply) && n < len(dots); i++ {
		if reply[i] == '.' {
			dots[n] = i
			n++
		}
	}
	base := 4 // the dot before the stream sequence
	if n > 8 {
		base += 2
	}
	if n < 8 || n == 9 || !strings.HasPrefix(reply, ackPrefix) {
		return 0, time.Time{}, fmt.Errorf("a delivery has an unknown reply subject %q", reply)
	}
	seq, err1 := strconv.ParseUint(reply[dots[base]+1:dots[base+1]], 10, 64)
	nanos, err2 := strconv.ParseInt(reply[dots[base+2]+1:dots[base+3]], 10, 64)
	if err1 != nil || err2 != nil || seq == 0 {
		return 0, time.Time{}, fmt.Errorf("a delivery has an unreadable reply subject %q", reply)
	}
	return seq, time.Unix(0, nanos).UTC(), nil
}
