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
	// maxYield is the maximum number of records per call of yield.
	maxYield = 512
	// heartbeat is the interval at which an idle server sends a heartbeat.
	heartbeat = 5 * time.Second
)

// Follow passes every record after sequence after to yield, in order and without
// a gap: first the existing records, then new ones as they arrive. It stops when
// ctx ends, yield returns an error, or the journal is closed. Each call of yield
// receives up to 512 records. Follow does not wait to fill a call.
//
// yield may keep the records. Follow returns ErrBehind if the journal ends before
// after, ErrGap if a record is missing, and ErrReconnected if the connection was
// interrupted. After ErrReconnected, the caller checks that the record at its
// position has not changed, and calls Follow again from there. A start makes the
// same call, so recovery needs no code of its own.
func (j *Journal) Follow(ctx context.Context, after uint64, yield func([]record.Record) error) error {
	return j.deliver(ctx, after, 0, yield)
}

// Read passes the records after sequence after, up to and including upTo, to
// yield. It is several times as fast as Client.Read, and returns the errors of
// Follow. It returns ErrBehind if the journal ends before upTo.
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
	// Taken before the consumer is created, to notice a connection that is lost
	// meanwhile.
	lost := j.connection()
	last, err := j.Last(ctx)
	if err != nil {
		return err
	}
	if need := max(after, upTo); last < need {
		return fmt.Errorf("%w: the last record is %d, want at least %d", ErrBehind, last, need)
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

// consume creates a push consumer that starts at sequence first and delivers into
// in until stop is called. Flow control limits the messages in flight.
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
		// Deleting the consumer is optional, so nothing waits for a response: the
		// server removes an idle consumer anyway.
		if j.nc.IsConnected() {
			j.nc.Publish("$JS.API.CONSUMER.DELETE."+Stream+"."+consumer.CachedInfo().Name, nil)
		}
	}, nil
}

// An incoming passes messages from the client library's goroutine to the
// follower's. Flow control limits its size: the server sends more only after the
// follower has processed the earlier messages.
type incoming struct {
	mu    sync.Mutex
	queue []delivery
	ready chan struct{} // gets one token when the queue stops being empty
}

// A delivery contains either up to maxYield records or one control message.
type delivery struct {
	records []record.Record
	control *controlMessage
}

// A controlMessage is a message of the server that is not a record.
type controlMessage struct {
	err     error
	reply   string // flow control: reply subject for when all earlier messages are processed
	lastSeq uint64 // heartbeat: sequence of the last record sent
}

// receive is called by the client library for each message.
func (in *incoming) receive(msg *nats.Msg) {
	// Only the reply subject distinguishes records from control messages. The
	// header does not, because a publisher can set Status on an event.
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
			room = maxYield // records arrive faster than the follower takes them
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

// drain returns all deliveries, and reuses spare as the new queue.
func (in *incoming) drain(spare []delivery) []delivery {
	in.mu.Lock()
	defer in.mu.Unlock()
	got := in.queue
	in.queue = spare[:0]
	return got
}

// parseControl parses a heartbeat or a flow control request. A heartbeat of a
// stalled consumer also contains a flow control request. The result for any other
// message is an error.
func parseControl(msg *nats.Msg) *controlMessage {
	if status := msg.Header.Get("Status"); status != "100" {
		return &controlMessage{err: fmt.Errorf("%w: the server sent status %s %s", ErrReconnected, status, msg.Header.Get("Description"))}
	}
	c := &controlMessage{reply: cmp.Or(msg.Reply, msg.Header.Get("Nats-Consumer-Stalled"))}
	c.lastSeq, _ = strconv.ParseUint(msg.Header.Get("Nats-Last-Stream"), 10, 64)
	return c
}

// A follower passes one consumer's deliveries to yield and keeps the position.
type follower struct {
	j     *Journal
	in    *incoming
	pos   uint64 // sequence of the last record passed to yield
	upTo  uint64 // sequence at which to stop; 0 means never
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
			return fmt.Errorf("%w: no message from the server for %v", ErrReconnected, 3*heartbeat)
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
	records := f.contiguous(d.records)
	if len(records) > 0 {
		if err := f.yield(records); err != nil {
			return err
		}
		f.pos += uint64(len(records))
	}
	if len(records) < len(d.records) && (f.upTo == 0 || f.pos < f.upTo) {
		return fmt.Errorf("%w: record %d arrived after record %d", ErrGap, d.records[len(records)].Seq, f.pos)
	}
	return nil
}

// contiguous returns the longest prefix of records that follows the position
// without a gap and does not exceed upTo.
func (f *follower) contiguous(records []record.Record) []record.Record {
	for i := range records {
		seq := f.pos + 1 + uint64(i)
		if records[i].Seq != seq || f.upTo != 0 && seq > f.upTo {
			return records[:i]
		}
	}
	return records
}

// handleControl replies to flow control, and returns ErrGap if the server has sent
// a record that did not arrive.
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
		return fmt.Errorf("%w: the server sent record %d, but the last to arrive was %d", ErrGap, c.lastSeq, f.pos)
	}
	return nil
}

// ackPrefix is the prefix of the reply subject of a record.
const ackPrefix = "$JS.ACK."

// parseReplySubject parses the sequence and stamp from the reply subject of a
// record. The subject has 9 tokens,
//
//	$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<stamp>.<pending>
//
// or, in its second form, two more before the stream: domain and account.
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
		return 0, time.Time{}, fmt.Errorf("a record has an unknown reply subject %q", reply)
	}
	seq, err1 := strconv.ParseUint(reply[dots[base]+1:dots[base+1]], 10, 64)
	nanos, err2 := strconv.ParseInt(reply[dots[base+2]+1:dots[base+3]], 10, 64)
	if err1 != nil || err2 != nil || seq == 0 {
		return 0, time.Time{}, fmt.Errorf("a record has an invalid reply subject %q", reply)
	}
	return seq, time.Unix(0, nanos).UTC(), nil
}
