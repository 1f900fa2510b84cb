package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"bookledger/events"
	"bookledger/events/record"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Subjects of the JetStream API that readers use.
const (
	infoSubject   = "$JS.API.STREAM.INFO." + Stream
	getSubject    = "$JS.API.STREAM.MSG.GET." + Stream
	directSubject = "$JS.API.DIRECT.GET." + Stream
)

// info requests the stream's current configuration and state.
func (c *Client) info(ctx context.Context) (*jetstream.StreamInfo, error) {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	ctx, done := c.addPending(ctx, infoSubject)
	defer done()
	stream, err := c.js.Stream(ctx, Stream)
	if err != nil {
		return nil, fmt.Errorf("stream info of %s: %w", Stream, c.requestError(ctx, err))
	}
	return stream.CachedInfo(), nil
}

// Last returns the sequence of the last record.
func (c *Client) Last(ctx context.Context) (uint64, error) {
	info, err := c.info(ctx)
	if err != nil {
		return 0, err
	}
	return info.State.LastSeq, nil
}

// Now returns the current time of the stream's leader, whose clock stamps the
// records.
func (c *Client) Now(ctx context.Context) (time.Time, error) {
	info, err := c.info(ctx)
	if err != nil {
		return time.Time{}, err
	}
	if info.TimeStamp.IsZero() {
		return time.Time{}, fmt.Errorf("stream info of %s has no time: use nats-server 2.15 or later", Stream)
	}
	return info.TimeStamp.UTC(), nil
}

// At returns the record with sequence seq, or ErrNotFound.
func (c *Client) At(ctx context.Context, seq uint64) (record.Record, error) {
	if seq == 0 {
		return record.Record{}, fmt.Errorf("read record 0: %w: sequences start at 1", ErrNotFound)
	}
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	ctx, done := c.addPending(ctx, getSubject)
	defer done()
	answer, err := c.nc.RequestWithContext(ctx, getSubject, getRequest(seq))
	if err != nil {
		return record.Record{}, fmt.Errorf("read record %d: %w", seq, c.requestError(ctx, err))
	}
	r, err := parseGetResponse(answer.Data)
	if err != nil {
		return record.Record{}, fmt.Errorf("read record %d: %w", seq, err)
	}
	return r, nil
}

// Read passes the records after sequence after, up to and including upTo, to
// yield, in order and up to 512 at a time. It returns ErrBehind if the journal
// ends before upTo, and ErrNotFound if a record is missing. It needs no consumer.
func (c *Client) Read(ctx context.Context, after, upTo uint64, yield func([]record.Record) error) error {
	if upTo <= after {
		return nil
	}
	if err := c.read(ctx, after, upTo, yield); err != nil {
		return fmt.Errorf("read the journal after record %d: %w", after, err)
	}
	return nil
}

func (c *Client) read(ctx context.Context, after, upTo uint64, yield func([]record.Record) error) error {
	info, err := c.info(ctx)
	if err != nil {
		return err
	}
	if last := info.State.LastSeq; last < upTo {
		return fmt.Errorf("%w: the last record is %d, want at least %d", ErrBehind, last, upTo)
	}
	ctx, done := c.addPending(ctx, directSubject, getSubject)
	defer done()
	in := responseInbox{c.nc.NewInbox(), make(chan *nats.Msg, 2*maxYield)}
	sub, err := c.nc.ChanSubscribe(in.subject, in.msgs)
	if err != nil {
		return c.requestError(ctx, err)
	}
	defer sub.Unsubscribe()
	for after < upTo {
		records := make([]record.Record, min(upTo-after, maxYield))
		if info.Config.AllowDirect {
			if records, err = c.getBatch(ctx, in, after+1, records); err != nil {
				return err
			}
		}
		if err := c.getMissing(ctx, in, after+1, records); err != nil {
			return err
		}
		if err := yield(records); err != nil {
			return err
		}
		after += uint64(len(records))
	}
	return nil
}

// directBytes is the maximum size of the response to a direct get. The server
// disconnects a client that is 64 MiB behind.
const directBytes = 16 << 20

// getBatch requests the records from sequence first on in one direct get, which is
// three times as fast as single requests. It returns the records that arrived. A
// record that must be requested again is left zero. The reason is that the server
// appends its headers to the publisher's, and the two cannot always be told apart.
//
// The server overwrites the last two bytes of the published header block, which
// can turn an unreadable header into a readable one. Only the embedded server is
// free of such headers, because it ends each block with a line of its own when it
// forwards an event between accounts. Direct gets are therefore enabled only on
// its stream.
func (c *Client) getBatch(ctx context.Context, in responseInbox, first uint64, records []record.Record) ([]record.Record, error) {
	request := fmt.Appendf(nil, `{"seq":%d,"batch":%d,"max_bytes":%d}`, first, len(records), directBytes)
	if err := c.nc.PublishRequest(directSubject, in.subject, request); err != nil {
		return nil, c.requestError(ctx, err)
	}
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	for n := 0; ; n++ {
		msg, err := c.nextResponse(ctx, in)
		if err != nil {
			return nil, err
		}
		h := msg.Header
		switch whole := hasWholeHeader(msg); {
		case whole && h.Get("Status") == "204": // end of the response
			return records[:max(n, 1)], nil
		case whole && h.Get("Status") != "": // a replica that is behind has no record
			return records[:1], nil
		case n == len(records):
			return nil, fmt.Errorf("the server sent more than the %d records requested", n)
		case whole:
			seq, err1 := strconv.ParseUint(h.Get("Nats-Sequence"), 10, 64)
			stamped, err2 := time.Parse(time.RFC3339Nano, h.Get("Nats-Time-Stamp"))
			if err1 == nil && err2 == nil && seq == first+uint64(n) {
				subject := h.Get("Nats-Subject")
				records[n] = record.Record{Seq: seq, Stamped: stamped.UTC(), Subject: subject, Header: recordedHeader(subject, h), Body: msg.Data}
			}
		}
	}
}

// hasWholeHeader reports whether the client library parsed the complete header
// block, with each name once. A publisher can put a blank line into the block.
// The library then stops there: it misses the server's headers, and the
// publisher can forge them. The length of the block shows this. A header line may
// be up to two bytes shorter than counted here, and the server's lines are longer
// than that difference over 16 lines.
func hasWholeHeader(msg *nats.Msg) bool {
	length := len("NATS/1.0\r\n\r\n")
	for name, values := range msg.Header {
		switch {
		case len(values) != 1:
			return false
		case name == "Status", name == "Description": // part of the first line
			length += len(" ") + len(values[0])
		default:
			length += len(name) + len(": \r\n") + len(values[0])
		}
	}
	return len(msg.Header) <= 16 && msg.Size()-len(msg.Subject)-len(msg.Reply)-len(msg.Data) == length
}

// maxGetsInFlight is the maximum number of pending requests for single records.
// Their responses must stay below 64 MiB too.
const maxGetsInFlight = 32

// getRequest returns the body of a request for one record. The stream's leader
// answers it, whereas a direct get may reach a replica that lacks the record.
func getRequest(seq uint64) []byte { return fmt.Appendf(nil, `{"seq":%d}`, seq) }

// getMissing requests those of the records from sequence first on that are zero.
func (c *Client) getMissing(ctx context.Context, in responseInbox, first uint64, records []record.Record) error {
	var blank []uint64
	for i := range records {
		if records[i].Seq == 0 {
			blank = append(blank, first+uint64(i))
		}
	}
	for i := range min(maxGetsInFlight, len(blank)) {
		if err := c.nc.PublishRequest(getSubject, in.subject, getRequest(blank[i])); err != nil {
			return c.requestError(ctx, err)
		}
	}
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	for i := range blank {
		msg, err := c.nextResponse(ctx, in)
		if err != nil {
			return err
		}
		r, err := parseGetResponse(msg.Data)
		if err != nil {
			return err
		}
		if r.Seq < first || r.Seq-first >= uint64(len(records)) {
			return fmt.Errorf("%w: the server sent record %d, which was not requested", ErrGap, r.Seq)
		}
		records[r.Seq-first] = r
		if ahead := i + maxGetsInFlight; ahead < len(blank) {
			if err := c.nc.PublishRequest(getSubject, in.subject, getRequest(blank[ahead])); err != nil {
				return c.requestError(ctx, err)
			}
		}
	}
	return nil
}

// A responseInbox receives responses on a channel. The client library's other
// methods would turn a record whose header looks like a server status into an
// error.
type responseInbox struct {
	subject string
	msgs    chan *nats.Msg
}

func (c *Client) nextResponse(ctx context.Context, in responseInbox) (*nats.Msg, error) {
	select {
	case msg := <-in.msgs:
		return msg, nil
	case <-ctx.Done():
		return nil, c.requestError(ctx, ctx.Err())
	}
}

// parseGetResponse parses the response to a request for one record.
func parseGetResponse(data []byte) (record.Record, error) {
	var got struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Subject string    `json:"subject"`
			Seq     uint64    `json:"seq"`
			Header  []byte    `json:"hdrs"`
			Data    []byte    `json:"data"`
			Time    time.Time `json:"time"`
		} `json:"message"`
	}
	if err := json.Unmarshal(data, &got); err != nil {
		return record.Record{}, fmt.Errorf("parse the response: %w", err)
	}
	if got.Error != nil {
		if got.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound {
			return record.Record{}, ErrNotFound
		}
		return record.Record{}, got.Error
	}
	m := got.Message
	// Anyone may publish unreadable header bytes. Such a record has no header,
	// here as in Follow, so that both return the same record.
	header, _ := nats.DecodeHeadersMsg(m.Header)
	return record.Record{Seq: m.Seq, Stamped: m.Time.UTC(), Subject: m.Subject, Header: recordedHeader(m.Subject, header), Body: m.Data}, nil
}

// recordedHeader returns the header Ledger-Recorded on a history subject, and ""
// on any other subject.
func recordedHeader(subject string, header nats.Header) string {
	if len(header) == 0 || !events.IsHistory(subject) {
		return ""
	}
	return header.Get(record.HeaderRecorded)
}
