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

// What the API of JetStream takes from those who read.
const (
	infoSubject   = "$JS.API.STREAM.INFO." + Stream
	getSubject    = "$JS.API.STREAM.MSG.GET." + Stream
	directSubject = "$JS.API.DIRECT.GET." + Stream
)

// info asks for the stream as it is now.
func (c *Client) info(ctx context.Context) (*jetstream.StreamInfo, error) {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	ctx, settled := c.addPending(ctx, infoSubject)
	defer settled()
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

// Now returns the time of the stream's leader, by which records are stamped.
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
		return record.Record{}, fmt.Errorf("read record 0: %w: sequences begin at 1", ErrNotFound)
	}
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	ctx, settled := c.addPending(ctx, getSubject)
	defer settled()
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

// Read hands over the records after sequence after, up to upTo, in order, up to
// 512 at once. It returns ErrBehind if the journal ends before upTo, and
// ErrNotFound where a record is missing. It needs no consumer.
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
		return fmt.Errorf("%w: it ends at record %d, before %d", ErrBehind, last, upTo)
	}
	ctx, settled := c.addPending(ctx, directSubject, getSubject)
	defer settled()
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

// directBytes bounds one answer to a direct get. The server cuts a client off
// that is 64 MiB behind.
const directBytes = 16 << 20

// getBatch asks for records from first on in one request, three times as fast as
// one by one, and returns as many as came. Left blank are those to be asked for
// again: the server puts its words behind the publisher's headers, where they
// cannot always be told apart.
//
// It puts them in place of the last two bytes of those, and so makes a header
// readable that is not, as it was published. The embedded server alone has no
// such header: it ends each with a line of its own when it leads an event from
// account to account. Its stream alone takes getBatch gets.
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
		case whole && h.Get("Status") == "204": // the end
			return records[:max(n, 1)], nil
		case whole && h.Get("Status") != "": // a replica that is behind has none of them
			return records[:1], nil
		case n == len(records):
			return nil, fmt.Errorf("the server answers with more than %d records", n)
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

// hasWholeHeader reports whether all of a message's header was read, each name once.
// Where a publisher has put a blank line into it, what the server says behind
// that is not seen, and what the publisher says in its place is. The length
// tells: a line can be two bytes shorter than it is counted, and the server's
// are longer than the difference that 16 lines make.
func hasWholeHeader(msg *nats.Msg) bool {
	length := len("NATS/1.0\r\n\r\n")
	for name, values := range msg.Header {
		switch {
		case len(values) != 1:
			return false
		case name == "Status", name == "Description": // in the first line
			length += len(" ") + len(values[0])
		default:
			length += len(name) + len(": \r\n") + len(values[0])
		}
	}
	return len(msg.Header) <= 16 && msg.Size()-len(msg.Subject)-len(msg.Reply)-len(msg.Data) == length
}

// maxGetsInFlight is how many records are asked for one by one and have not come.
// Their answers must not add up to 64 MiB either.
const maxGetsInFlight = 32

// getRequest asks for one record. The stream's leader answers it: whichever
// replica answers a direct get may not have the record yet.
func getRequest(seq uint64) []byte { return fmt.Appendf(nil, `{"seq":%d}`, seq) }

// getMissing asks for those records from first on that are blank.
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
			return fmt.Errorf("%w: the server answers with record %d", ErrGap, r.Seq)
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

// An responseInbox is where answers come. A channel takes each as it is: the client
// library's other ways make an error of what looks like a word of the server.
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

// parseGetResponse reads what the server says to a request for one record.
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
		return record.Record{}, fmt.Errorf("unreadable answer: %w", err)
	}
	if got.Error != nil {
		if got.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound {
			return record.Record{}, ErrNotFound
		}
		return record.Record{}, got.Error
	}
	m := got.Message
	// Anyone may publish header bytes that cannot be read. Such a message has
	// none, here as in Follow, or it would be another record each way.
	header, _ := nats.DecodeHeadersMsg(m.Header)
	return record.Record{Seq: m.Seq, Stamped: m.Time.UTC(), Subject: m.Subject, Header: recordedHeader(m.Subject, header), Body: m.Data}, nil
}

// recordedHeader returns the Ledger-Recorded header, which counts on history
// subjects alone.
func recordedHeader(subject string, header nats.Header) string {
	if len(header) == 0 || !events.IsHistory(subject) {
		return ""
	}
	return header.Get(record.HeaderRecorded)
}
