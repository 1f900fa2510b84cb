package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"bookledger/events"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// streamConfig returns the configuration of a new stream, which accepts only the
// genesis record.
func (j *Journal) streamConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:               Stream,
		Description:        "bookledger: the one ordered record; nothing is ever removed",
		Subjects:           []string{events.SubjectGenesis},
		Retention:          jetstream.LimitsPolicy,
		Storage:            jetstream.FileStorage,
		Discard:            jetstream.DiscardNew,
		Replicas:           j.opts.Replicas,
		MaxConsumers:       -1,
		MaxMsgs:            -1,
		MaxBytes:           -1,
		MaxMsgsPerSubject:  -1,
		MaxMsgSize:         events.MaxMessage,
		DenyDelete:         true,
		DenyPurge:          true,
		AllowAtomicPublish: true,
		AllowDirect:        j.srv != nil, // for Client.Read; see getBatch
		// JetStream's duplicate window covers all publishers: a message whose id
		// another publisher used is acknowledged but not stored. This is the
		// minimum, and bookledger never sends a Nats-Msg-Id.
		Duplicates: 100 * time.Millisecond,
	}
}

// openStream makes sure that the stream has its genesis record and accepts all
// subjects. It works for a new ledger, for one whose creation was interrupted,
// for an existing one, and if several nodes call it at the same time.
func (j *Journal) openStream(ctx context.Context) error {
	info, err := j.info(ctx)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if j.opts.Genesis == nil {
			return fmt.Errorf("%w: there is no stream %s, and no genesis to create one", ErrNoLedger, Stream)
		}
		info, err = j.createStream(ctx)
	}
	if err != nil {
		return fmt.Errorf("look up stream %s: %w", Stream, err)
	}
	if err := checkConfig(info.Config); err != nil {
		return err
	}
	if info.State.LastSeq == 0 {
		// A crash before the next step leaves an empty stream that accepts only
		// genesis. No other record can come first, and the next Open continues
		// here.
		if err := j.appendGenesis(ctx, info); err != nil {
			return err
		}
	}
	// A crash before the next step leaves a stream with one record that accepts
	// nothing else. The next Open with a genesis opens it to publishers, and does
	// not write its own genesis.
	return j.openToPublishers(ctx, info)
}

func (j *Journal) createStream(ctx context.Context) (*jetstream.StreamInfo, error) {
	ctx, cancel := j.withTimeout(ctx)
	defer cancel()
	_, err := j.js.CreateStream(ctx, j.streamConfig())
	if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return nil, fmt.Errorf("create stream: %w", apiError(err))
	}
	// Another node may have opened the stream to publishers already: read the
	// current state.
	return j.info(ctx)
}

// checkConfig returns an error if the stream's configuration breaks a guarantee
// of the journal, for example because an operator created the stream.
func checkConfig(c jetstream.StreamConfig) error {
	var wrong []string
	for what, bad := range map[string]bool{
		"deny_delete is off":                      !c.DenyDelete,
		"deny_purge is off":                       !c.DenyPurge,
		"allow_atomic is off":                     !c.AllowAtomicPublish,
		"discard is not new":                      c.Discard != jetstream.DiscardNew,
		"storage is not file":                     c.Storage != jetstream.FileStorage,
		"retention is not limits":                 c.Retention != jetstream.LimitsPolicy,
		"max_age is set":                          c.MaxAge != 0,
		"allow_rollup_hdrs is on":                 c.AllowRollup,
		"allow_msg_ttl is on":                     c.AllowMsgTTL,
		"allow_msg_schedules is on":               c.AllowMsgSchedules,
		"mirror or sources is set":                c.Mirror != nil || len(c.Sources) > 0,
		"republish or subject_transform is set":   c.RePublish != nil || c.SubjectTransform != nil,
		"subjects lacks " + events.SubjectGenesis: !slices.Contains(c.Subjects, events.SubjectGenesis),
		"max_msg_size is unlimited or over 1 MiB": c.MaxMsgSize <= 0 || c.MaxMsgSize > events.MaxMessage,
	} {
		if bad {
			wrong = append(wrong, what)
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return fmt.Errorf("stream %s exists but cannot be a journal: %s; delete the stream or use another server", Stream, strings.Join(wrong, ", "))
	}
	return nil
}

// appendGenesis writes the first record, on the condition that the stream is
// empty. If several nodes try, one succeeds and the others use its record.
func (j *Journal) appendGenesis(ctx context.Context, info *jetstream.StreamInfo) error {
	if j.opts.Genesis == nil {
		return fmt.Errorf("%w: stream %s is empty because its creation was interrupted, and there is no genesis to complete it", ErrNoLedger, Stream)
	}
	if len(info.Config.Subjects) > 1 {
		return fmt.Errorf("stream %s accepts events but has no genesis record, so bookledger did not create it; delete the stream or use another server", Stream)
	}
	ctx, cancel := j.withTimeout(ctx)
	defer cancel()
	msg := &nats.Msg{Subject: events.SubjectGenesis, Data: j.opts.Genesis}
	_, err := j.js.PublishMsg(ctx, msg, jetstream.WithExpectLastSequence(0), jetstream.WithExpectStream(Stream))
	if code := apiCode(err); err != nil && code != codeWrongLastSequence && code != codeWrongLastSequenceNoCopy {
		return fmt.Errorf("append genesis: %w", apiError(err))
	}
	j.log.Info("journal: genesis record exists", zap.Bool("written_by_this_node", err == nil))
	return nil
}

// openToPublishers makes the stream accept all subjects. Several nodes may do so:
// the result is the same.
func (j *Journal) openToPublishers(ctx context.Context, info *jetstream.StreamInfo) error {
	want := append(events.OwnSubjects(), events.UpstreamSubjects()...)
	missing := slices.ContainsFunc(want, func(s string) bool { return !slices.Contains(info.Config.Subjects, s) })
	switch {
	case !missing:
		return nil
	case j.opts.Genesis == nil && slices.Equal(info.Config.Subjects, []string{events.SubjectGenesis}):
		return fmt.Errorf("%w: its creation was interrupted; start the daemon to complete it", ErrNoLedger)
	case j.opts.Genesis == nil:
		return nil
	}
	first, err := j.At(ctx, 1)
	if err != nil {
		return fmt.Errorf("read genesis: %w", err)
	}
	if first.Subject != events.SubjectGenesis {
		return fmt.Errorf("stream %s is not a journal: its first record is on %s, not on %s", Stream, first.Subject, events.SubjectGenesis)
	}
	config := info.Config
	config.Subjects = want
	ctx, cancel := j.withTimeout(ctx)
	defer cancel()
	if _, err := j.js.UpdateStream(ctx, config); err != nil {
		return fmt.Errorf("open stream %s to publishers: %w", Stream, apiError(err))
	}
	return nil
}
