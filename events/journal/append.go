package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"bookledger/events"
	"bookledger/events/record"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// Limits of one Append.
const (
	// MaxBatch is the maximum number of messages in one Append. It is the
	// server's limit for an atomic batch.
	MaxBatch = 1000
	// MaxBatchBytes is the maximum total size of one Append: bodies, subjects and
	// recorded times. The server keeps two copies of a batch until the commit.
	MaxBatchBytes = 16 << 20
	// headerReserve is the space for the headers of a message, which count toward
	// the server's limit of events.MaxMessage.
	headerReserve = 512
	// busyRetryInterval is the time between attempts to open a batch while the
	// server has too many open batches.
	busyRetryInterval = 50 * time.Millisecond
	// MaxBody is the maximum length of a message body.
	MaxBody = events.MaxMessage - headerReserve
)

// A Message is a message to append.
type Message struct {
	Subject  string
	Recorded string // header Ledger-Recorded; on history subjects only
	Body     []byte // not used after Append returns
}

// MessageOf returns the message for publishing an event live.
func MessageOf(e events.Event) (Message, error) {
	body, err := e.Encode()
	return Message{Subject: e.Subject(), Body: body}, err
}

func (m Message) size() int { return len(m.Subject) + len(m.Recorded) + len(m.Body) }

// An Ack contains the first and last sequence of stored messages, which are
// consecutive.
type Ack struct{ First, Last uint64 }

// Append writes 1 to MaxBatch messages and returns when they are on disk. It
// stores all or none of them, in order and with consecutive sequences. Several
// messages form one atomic batch with one fsync, so a thousand cost little more
// than one.
//
// After ErrOutcomeUnknown, the messages may have been stored. After any other
// error, such as ErrTooLarge, ErrFull, ErrBusy or ErrForbidden, nothing was
// stored.
func (c *Client) Append(ctx context.Context, msgs []Message) (Ack, error) {
	if err := checkBatch(msgs); err != nil {
		return Ack{}, err
	}
	if err := c.ctx.Err(); err != nil {
		return Ack{}, ErrClosed
	}
	// Close waits for a pending acknowledgement, so only the caller's context and
	// the timeout end the request.
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	ctx, done := c.addPending(ctx, subjectsOf(msgs)...)
	defer done()
	var ack Ack
	var err error
	if len(msgs) == 1 {
		ack, err = c.appendOne(ctx, msgs[0])
	} else {
		ack, err = c.appendBatch(ctx, msgs)
	}
	if cause := context.Cause(ctx); errors.Is(cause, ErrForbidden) {
		err = cause
	}
	if err != nil {
		return Ack{}, fmt.Errorf("append %d messages: %w", len(msgs), err)
	}
	return ack, nil
}

// subjectsOf returns the distinct subjects of a batch, in order of appearance.
func subjectsOf(msgs []Message) (subjects []string) {
	for _, m := range msgs {
		if !slices.Contains(subjects, m.Subject) {
			subjects = append(subjects, m.Subject)
		}
	}
	return subjects
}

func checkBatch(msgs []Message) error {
	if len(msgs) == 0 || len(msgs) > MaxBatch {
		return fmt.Errorf("append %d messages: %w: the limits are 1 and %d messages", len(msgs), ErrTooLarge, MaxBatch)
	}
	total := 0
	for i, m := range msgs {
		if len(m.Body) > MaxBody || m.size()-len(m.Body) > headerReserve/2 {
			return fmt.Errorf("append message %d of %d: %w: the body has %d bytes, the limit is %d", i+1, len(msgs), ErrTooLarge, len(m.Body), MaxBody)
		}
		if m.Recorded != "" && !events.IsHistory(m.Subject) {
			return fmt.Errorf("append message %d of %d: a recorded time is allowed only on history subjects, not on %s", i+1, len(msgs), m.Subject)
		}
		total += m.size()
	}
	if total > MaxBatchBytes {
		return fmt.Errorf("append %d messages: %w: the total is %d bytes, the limit is %d", len(msgs), ErrTooLarge, total, MaxBatchBytes)
	}
	return nil
}

func (m Message) natsMsg() *nats.Msg {
	msg := &nats.Msg{Subject: m.Subject, Data: m.Body}
	if m.Recorded != "" {
		msg.Header = nats.Header{record.HeaderRecorded: {m.Recorded}}
	}
	return msg
}

func (c *Client) appendOne(ctx context.Context, m Message) (Ack, error) {
	ack, err := c.js.PublishMsg(ctx, m.natsMsg(), jetstream.WithExpectStream(Stream), jetstream.WithRetryAttempts(0))
	if err != nil {
		return Ack{}, publishError(ctx, err)
	}
	// A crash before the acknowledgement arrives may leave a stored record that
	// the caller does not know about. The caller sends the event again, and the
	// projection recognizes its id as a duplicate.
	return Ack{First: ack.Sequence, Last: ack.Sequence}, nil
}

// appendBatch sends one atomic batch. The first attempt requests an
// acknowledgement only for the commit, which is fastest. If the server refused an
// earlier message, the commit's error does not contain the reason. The batch is
// then sent again with an acknowledgement for the first message, whose error
// does. While the server has too many open batches, appendBatch retries.
func (c *Client) appendBatch(ctx context.Context, msgs []Message) (Ack, error) {
	ack, err := c.sendBatch(ctx, msgs, jetstreamext.BatchFlowControl{})
	for apiCode(err) == codeIncompleteBatch || errors.Is(err, ErrBusy) {
		ack, err = c.sendBatch(ctx, msgs, jetstreamext.BatchFlowControl{AckFirst: true, AckTimeout: requestTimeout})
		if !errors.Is(err, ErrBusy) {
			break
		}
		select {
		case <-ctx.Done():
			return Ack{}, err
		case <-time.After(busyRetryInterval):
		}
	}
	return ack, err
}

func (c *Client) sendBatch(ctx context.Context, msgs []Message, flow jetstreamext.BatchFlowControl) (Ack, error) {
	batch, err := jetstreamext.NewBatchPublisher(c.js, flow)
	if err != nil {
		return Ack{}, err
	}
	last := len(msgs) - 1
	for i, m := range msgs[:last] {
		// A crash here leaves an open batch. The server drops it after ten
		// seconds and stores none of it.
		if err := batch.AddMsg(m.natsMsg()); err != nil {
			return Ack{}, fmt.Errorf("message %d, nothing was stored: %w", i+1, apiError(err))
		}
	}
	ack, err := batch.CommitMsg(ctx, msgs[last].natsMsg())
	if err != nil {
		return Ack{}, publishError(ctx, err)
	}
	// A crash before this point leaves the batch stored whole or not at all. The
	// caller does not know which, and sends the events again. The projection
	// recognizes their ids as duplicates.
	return Ack{First: ack.Sequence - uint64(last), Last: ack.Sequence}, nil
}

// publishError returns the error of this package for a message that was not
// acknowledged.
func publishError(ctx context.Context, err error) error {
	switch {
	case apiCode(err) != 0:
		return apiError(err)
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("%w that accepts the subject: %w", ErrNoLedger, err)
	}
	return fmt.Errorf("%w: the server did not answer (%w); sending the same messages again is safe", ErrOutcomeUnknown, cmp.Or(context.Cause(ctx), err))
}

// AppendAll appends messages in order, in batches that are as full as possible,
// and calls done after each batch is on disk. It collects the next batch while it
// writes the current one, but writes only one batch at a time: the stored
// messages are always a prefix of msgs. AppendAll stops at the first error of
// msgs, of Append or of done. Batches that were passed to done stay stored. A
// goroutine reads msgs, and outlives the call if msgs blocks.
func (c *Client) AppendAll(ctx context.Context, msgs iter.Seq2[Message, error], done func(Ack) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches := make(chan []Message)
	collected := make(chan error, 1)
	go func() {
		defer close(batches)
		collected <- collect(ctx, msgs, batches)
	}()
	for batch := range batches {
		ack, err := c.Append(ctx, batch)
		if err == nil {
			err = done(ack)
		}
		if err != nil {
			return err
		}
	}
	return <-collected
}

// batchLinger is how long a batch that is not full waits for more messages.
const batchLinger = 20 * time.Millisecond

// collect splits msgs into batches. It sends a partial batch while msgs waits for
// input, and after an error of msgs.
func collect(ctx context.Context, msgs iter.Seq2[Message, error], batches chan<- []Message) error {
	in := make(chan Message, 64) // a small buffer, because messages can be large
	var readErr error            // error of msgs or of ctx; set before in is closed
	go func() {
		defer close(in)
		for m, err := range msgs {
			if readErr = err; err != nil {
				return
			}
			select {
			case in <- m:
			case <-ctx.Done():
				readErr = context.Cause(ctx)
				return
			}
		}
	}()
	var batch []Message
	size, ready := 0, false
	var lingered <-chan time.Time
	for from := in; from != nil || len(batch) > 0; {
		to, next := batches, from
		if len(batch) == MaxBatch || size > MaxBatchBytes-events.MaxMessage {
			ready, next = true, nil // full
		}
		if !ready {
			to = nil
		}
		select {
		case m, more := <-next:
			if !more {
				from, ready = nil, true
				continue
			}
			if batch == nil {
				batch, lingered = make([]Message, 0, MaxBatch), time.After(batchLinger)
			}
			batch, size = append(batch, m), size+m.size()
		case to <- batch:
			batch, size, ready, lingered = nil, 0, false, nil
		case <-lingered:
			ready = true
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return readErr
}
