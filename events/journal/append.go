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
	// MaxBatch is how many messages one Append takes; the server's limit.
	MaxBatch = 1000
	// MaxBatchBytes bounds the bodies and subjects of one Append together. The
	// server holds a batch twice, staged and stored, until it is committed.
	MaxBatchBytes = 16 << 20
	// headerReserve is kept for the headers of a message, since the server's limit
	// of events.MaxMessage counts them too.
	headerReserve = 512
	// busyRetryInterval is the time between two tries to get a place for a batch.
	busyRetryInterval = 50 * time.Millisecond
	// MaxBody is the longest body that Append takes.
	MaxBody = events.MaxMessage - headerReserve
)

// A Message is what Append writes.
type Message struct {
	Subject  string
	Recorded string // the Ledger-Recorded header; on history subjects only
	Body     []byte // not kept after Append returns
}

// MessageOf returns the message that publishes an event.
func MessageOf(e events.Event) (Message, error) {
	body, err := e.Encode()
	return Message{Subject: e.Subject(), Body: body}, err
}

func (m Message) size() int { return len(m.Subject) + len(m.Recorded) + len(m.Body) }

// An Ack says where messages stand: First to Last, without others between.
type Ack struct{ First, Last uint64 }

// Append writes 1 to MaxBatch messages and returns when they are on disk, all
// or none, in order, behind one another. Several are one atomic batch with one
// fsync, so a thousand cost little more than one.
//
// It returns ErrTooLarge before anything is sent, ErrFull and ErrBusy when
// nothing was stored, and ErrUnsure when that is not known; after any other
// error nothing was stored, ErrForbidden among them.
func (c *Client) Append(ctx context.Context, msgs []Message) (Ack, error) {
	if err := checkBatch(msgs); err != nil {
		return Ack{}, err
	}
	if err := c.ctx.Err(); err != nil {
		return Ack{}, ErrClosed
	}
	// Close waits for an answer that is under way, so only the caller's context
	// and the time-out end this.
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	ctx, settled := c.addPending(ctx, subjectsOf(msgs)...)
	defer settled()
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

// subjectsOf returns the different subjects of a batch, in their order.
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
		return fmt.Errorf("append %d messages: %w: one append takes 1 to %d", len(msgs), ErrTooLarge, MaxBatch)
	}
	total := 0
	for i, m := range msgs {
		if len(m.Body) > MaxBody || m.size()-len(m.Body) > headerReserve/2 {
			return fmt.Errorf("append message %d of %d: %w: its body has %d bytes and may have %d", i+1, len(msgs), ErrTooLarge, len(m.Body), MaxBody)
		}
		if m.Recorded != "" && !events.IsHistory(m.Subject) {
			return fmt.Errorf("append message %d of %d: %s is no history subject and takes no recorded time", i+1, len(msgs), m.Subject)
		}
		total += m.size()
	}
	if total > MaxBatchBytes {
		return fmt.Errorf("append %d messages: %w: %d bytes together, and one append takes %d", len(msgs), ErrTooLarge, total, MaxBatchBytes)
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
	// A crash before the acknowledgement arrives leaves a stored record that
	// the caller does not know of; it sends it again and the id tells.
	return Ack{First: ack.Sequence, Last: ack.Sequence}, nil
}

// appendBatch sends one atomic batch. At first only the commit is answered,
// which is quickest. Where the server refused an earlier message the commit
// says only that the batch is incomplete, so it is sent once more with an
// answer to the first message too, which tells why; and again while the
// places for open batches are taken.
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
		// A crash here leaves an open batch: the server forgets it after ten
		// seconds, and stores nothing of it.
		if err := batch.AddMsg(m.natsMsg()); err != nil {
			return Ack{}, fmt.Errorf("message %d, nothing was stored: %w", i+1, apiError(err))
		}
	}
	ack, err := batch.CommitMsg(ctx, msgs[last].natsMsg())
	if err != nil {
		return Ack{}, publishError(ctx, err)
	}
	// A crash before this point leaves the batch stored whole or not at all,
	// and the caller unsure: it sends it again and the ids tell.
	return Ack{First: ack.Sequence - uint64(last), Last: ack.Sequence}, nil
}

// publishError sorts the error of a message that was to be acknowledged.
func publishError(ctx context.Context, err error) error {
	switch {
	case apiCode(err) != 0:
		return apiError(err)
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("%w that takes the subject: %w", ErrNoLedger, err)
	}
	return fmt.Errorf("%w: no answer came (%w); sending it again is safe", ErrOutcomeUnknown, cmp.Or(context.Cause(ctx), err))
}

// AppendAll writes messages in order, cut into full batches, and calls done for
// each batch when it is on disk. While one batch is being written the next is
// being collected; never are two under way, so what is stored is always a
// beginning of what was given. It ends at the first error, of msgs, of writing
// or of done; what done was called for stays. msgs is read on a goroutine of its
// own, which an input that hangs can outlive the call by.
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

// batchLinger is how long a batch that is not full waits for more.
const batchLinger = 20 * time.Millisecond

// collect cuts msgs into batches. After an error of msgs, what came before it
// is still sent; while msgs waits for its own input, what has come is sent.
func collect(ctx context.Context, msgs iter.Seq2[Message, error], batches chan<- []Message) error {
	in := make(chan Message, 64) // messages can be large
	var readErr error            // written before in is closed; ctx's where it ended reading
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
