package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"bookledger/events"
	"bookledger/events/record"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// info asks for the stream as it is now.
func (j *Journal) info(ctx context.Context) (*jetstream.StreamInfo, error) {
	ctx, cancel := j.bounded(ctx)
	defer cancel()
	stream, err := j.js.Stream(ctx, Stream)
	if err != nil {
		return nil, fmt.Errorf("stream info of %s: %w", Stream, j.closedOr(err))
	}
	return stream.CachedInfo(), nil
}

// Last returns the sequence of the last record.
func (j *Journal) Last(ctx context.Context) (uint64, error) {
	info, err := j.info(ctx)
	if err != nil {
		return 0, err
	}
	return info.State.LastSeq, nil
}

// Now returns the time of the stream's leader, by which records are stamped.
func (j *Journal) Now(ctx context.Context) (time.Time, error) {
	info, err := j.info(ctx)
	if err != nil {
		return time.Time{}, err
	}
	if info.TimeStamp.IsZero() {
		return time.Time{}, fmt.Errorf("stream info of %s has no time: the server is older than 2.10", Stream)
	}
	return info.TimeStamp.UTC(), nil
}

// At returns the record with sequence seq, or ErrNotFound.
func (j *Journal) At(ctx context.Context, seq uint64) (record.Record, error) {
	if seq == 0 {
		return record.Record{}, fmt.Errorf("read record 0: %w: sequences begin at 1", ErrNotFound)
	}
	ctx, cancel := j.bounded(ctx)
	defer cancel()
	r, err := j.getRecord(ctx, seq)
	if err != nil {
		return record.Record{}, fmt.Errorf("read record %d: %w", seq, j.closedOr(err))
	}
	return r, nil
}

// getRecord asks the stream's leader: the client library would ask whichever
// replica answers a direct get, which may not have the record yet.
func (j *Journal) getRecord(ctx context.Context, seq uint64) (record.Record, error) {
	answer, err := j.nc.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+Stream, fmt.Appendf(nil, `{"seq":%d}`, seq))
	if err != nil {
		return record.Record{}, err
	}
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
	if err := json.Unmarshal(answer.Data, &got); err != nil {
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

// closedOr replaces the error of a request that Close cut short, and says of one
// that the connection cut short that it can be made again.
func (j *Journal) closedOr(err error) error {
	if j.ctx.Err() != nil {
		return ErrClosed
	}
	for _, interrupted := range [...]error{context.DeadlineExceeded, context.Canceled, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected,
		nats.ErrConnectionReconnecting, nats.ErrReconnectBufExceeded, nats.ErrConnectionClosed} {
		if errors.Is(err, interrupted) {
			return fmt.Errorf("%w: %w", ErrReconnected, err)
		}
	}
	return err
}
