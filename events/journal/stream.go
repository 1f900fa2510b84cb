package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"bookledger/events"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// streamConfig is the stream as it is made: closed to everyone but genesis.
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
		AllowDirect:        j.srv != nil, // for Client.Read, which says why
		// The window is one for all publishers: an id that somebody else used
		// is acknowledged and not stored. This is the least that it can be, and
		// no writer of ours sends a Nats-Msg-Id.
		Duplicates: 100 * time.Millisecond,
	}
}

// openStream brings the stream to where it has its genesis record and takes
// all subjects. It is the way of a new ledger, of one whose making was cut
// short, of an old one, and of several nodes that do it at the same time.
func (j *Journal) openStream(ctx context.Context) error {
	info, err := j.info(ctx)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if j.opts.Genesis == nil {
			return fmt.Errorf("%w: no stream %s, and no genesis was given to make one", ErrNoLedger, Stream)
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
		// A crash before the next step leaves an empty stream that takes
		// genesis alone: nothing can come first, and the next Open is here again.
		if err := j.appendGenesis(ctx, info); err != nil {
			return err
		}
	}
	// A crash before the next step leaves a ledger of one record that takes
	// nothing else: the next Open with a genesis widens it, and does not write
	// its own.
	return j.openToPublishers(ctx, info)
}

func (j *Journal) createStream(ctx context.Context) (*jetstream.StreamInfo, error) {
	ctx, cancel := j.withTimeout(ctx)
	defer cancel()
	_, err := j.js.CreateStream(ctx, j.streamConfig())
	if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return nil, fmt.Errorf("create stream: %w", apiError(err))
	}
	// Another node that was faster may have widened it meanwhile: look again.
	return j.info(ctx)
}

// checkConfig refuses a stream that does not keep what the ledger promises,
// for instance one that an operator made by hand.
func checkConfig(c jetstream.StreamConfig) error {
	var wrong []string
	for what, bad := range map[string]bool{
		"deny_delete is off":                        !c.DenyDelete,
		"deny_purge is off":                         !c.DenyPurge,
		"allow_atomic is off":                       !c.AllowAtomicPublish,
		"discard is not new":                        c.Discard != jetstream.DiscardNew,
		"storage is not file":                       c.Storage != jetstream.FileStorage,
		"retention is not limits":                   c.Retention != jetstream.LimitsPolicy,
		"max_age is set":                            c.MaxAge != 0,
		"allow_rollup_hdrs is on":                   c.AllowRollup,
		"allow_msg_ttl is on":                       c.AllowMsgTTL,
		"allow_msg_schedules is on":                 c.AllowMsgSchedules,
		"it mirrors or sources another":             c.Mirror != nil || len(c.Sources) > 0,
		"it republishes or rewrites":                c.RePublish != nil || c.SubjectTransform != nil,
		"it does not take " + events.SubjectGenesis: !slices.Contains(c.Subjects, events.SubjectGenesis),
		"max_msg_size is over 1 MiB or none":        c.MaxMsgSize <= 0 || c.MaxMsgSize > events.MaxMessage,
	} {
		if bad {
			wrong = append(wrong, what)
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return fmt.Errorf("stream %s exists but cannot hold a ledger: %v; move it away or point to another server", Stream, wrong)
	}
	return nil
}

// appendGenesis writes the first record, expecting none before it: of several
// nodes that try, one succeeds, and the others take its record as theirs.
func (j *Journal) appendGenesis(ctx context.Context, info *jetstream.StreamInfo) error {
	if j.opts.Genesis == nil {
		return fmt.Errorf("%w: stream %s is empty, its making was cut short, and no genesis was given to finish it", ErrNoLedger, Stream)
	}
	if len(info.Config.Subjects) > 1 {
		return fmt.Errorf("stream %s is open to publishers but has no genesis record: it was not made by bookledger; delete it or point to another server", Stream)
	}
	ctx, cancel := j.withTimeout(ctx)
	defer cancel()
	msg := &nats.Msg{Subject: events.SubjectGenesis, Data: j.opts.Genesis}
	_, err := j.js.PublishMsg(ctx, msg, jetstream.WithExpectLastSequence(0), jetstream.WithExpectStream(Stream))
	if code := apiCode(err); err != nil && code != codeWrongLastSequence && code != codeWrongLastSequenceNoCopy {
		return fmt.Errorf("append genesis: %w", apiError(err))
	}
	j.log.Info("journal: genesis stands", zap.Bool("ours", err == nil))
	return nil
}

// openToPublishers opens the stream to all subjects. Several nodes may do it: each writes
// the same.
func (j *Journal) openToPublishers(ctx context.Context, info *jetstream.StreamInfo) error {
	want := append(events.OwnSubjects(), events.UpstreamSubjects()...)
	missing := slices.ContainsFunc(want, func(s string) bool { return !slices.Contains(info.Config.Subjects, s) })
	switch {
	case !missing:
		return nil
	case j.opts.Genesis == nil && slices.Equal(info.Config.Subjects, []string{events.SubjectGenesis}):
		return fmt.Errorf("%w: its making was cut short, and goes on when the daemon is started", ErrNoLedger)
	case j.opts.Genesis == nil:
		return nil
	}
	first, err := j.At(ctx, 1)
	if err != nil {
		return fmt.Errorf("read genesis: %w", err)
	}
	if first.Subject != events.SubjectGenesis {
		return fmt.Errorf("the first record of stream %s is on %s, not on %s: it is not a ledger", Stream, first.Subject, events.SubjectGenesis)
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
