package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"bookledger/cmd/internal/cli"
	"bookledger/cmd/internal/progress"
	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/events/record"
)

const defaultNATS = "nats://127.0.0.1:4222"

type publishOptions struct {
	nats journal.Server
	json bool
}

func newPublish(env *cli.Environment) *cobra.Command {
	var o publishOptions
	cmd := &cobra.Command{
		Use:   "publish FILE|-",
		Short: "Publish events as an upstream system does",
		Long: `Publish the events of an NDJSON file, or of standard input, to a running ledger.
Each line has a "subject" and an "event"; other members are not used. The events
are read, checked and sent as a stream, in batches that the journal acknowledges
once they are on disk. Events that validate would refuse are not sent: each is
named with its line, and the exit code is 1.

Publishing again after a break is safe: an event whose source and id have come
before never acts twice.`,
		Example: `  bookledger publish events.ndjson
  bookdemo generate --agents 5 --consumers 50 --weeks 2 --seed 1 | bookledger publish - --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runPublish(cmd.Context(), env, args[0], o) },
	}
	cmd.Flags().StringVar(&o.nats.URL, "nats", defaultNATS, "URL of the NATS server")
	cmd.Flags().StringVar(&o.nats.Creds, "nats-creds", "", "credentials file for the NATS server")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one line of JSON for each acknowledged batch")
	return cmd
}

func runPublish(ctx context.Context, env *cli.Environment, path string, o publishOptions) error {
	in, err := openInput(env, path)
	if err != nil {
		return err
	}
	defer in.Close()
	j, err := journal.Connect(o.nats)
	if err != nil {
		return err
	}
	defer j.Close()
	return newSender(env, o.json).send(ctx, j, in, nil)
}

// sender sends lines to a journal and keeps count.
type sender struct {
	env  *cli.Environment
	json bool // print a line for each batch
	bar  *progress.Bar

	mu      sync.Mutex // the input is read on a goroutine of its own
	ids     []string   // of events sent and not yet acknowledged
	acked   int
	refused int
}

func newSender(env *cli.Environment, asJSON bool) *sender {
	return &sender{env: env, json: asJSON, bar: env.Progress("events acknowledged", 0)}
}

// send sends the lines that the ledger would not reject, as history where their
// recorded times are given, and says how many it has sent.
func (s *sender) send(ctx context.Context, j *journal.Client, in io.Reader, history *recordedTimes) error {
	return s.finish(j.AppendAll(ctx, s.messages(in, history), s.acknowledge))
}

// errStop ends the reading of lines that nobody takes any more.
var errStop = errors.New("enough")

func (s *sender) messages(in io.Reader, history *recordedTimes) iter.Seq2[journal.Message, error] {
	l := lineChecker{history: history, invalid: s.refuse}
	return func(yield func(journal.Message, error) bool) {
		err := l.each(in, func(line record.Line, e *events.Event) error {
			m := journal.Message{Subject: line.Subject, Body: line.Body}
			if history != nil {
				m.Recorded = line.Recorded.UTC().Format(time.RFC3339Nano)
			}
			s.mu.Lock()
			s.ids = append(s.ids, e.ID)
			s.mu.Unlock()
			if !yield(m, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && err != errStop {
			yield(journal.Message{}, err)
		}
	}
}

func (s *sender) refuse(f invalidLine) error {
	s.mu.Lock()
	s.refused++
	s.mu.Unlock()
	s.env.Messagef("%s; not sent", f)
	return nil
}

// acknowledgement is what publish --json says of a batch.
type acknowledgement struct {
	Acknowledged int    `json:"acknowledged"`
	FirstSeq     uint64 `json:"first_seq"`
	LastSeq      uint64 `json:"last_seq"`
	LastID       string `json:"last_id"`
}

func (s *sender) acknowledge(a journal.Ack) error {
	n := int(a.Last - a.First + 1)
	s.mu.Lock()
	last := s.ids[n-1]
	s.ids = s.ids[n:]
	s.acked += n
	s.mu.Unlock()
	s.bar.Add(n)
	if !s.json {
		return nil
	}
	return s.env.Encode(acknowledgement{n, a.First, a.Last, last})
}

// finish says how many events were sent.
func (s *sender) finish(err error) error {
	s.bar.Done()
	s.mu.Lock()
	acked, refused := s.acked, s.refused
	s.mu.Unlock()
	s.env.Messagef("%d events acknowledged, %d refused", acked, refused)
	if err != nil {
		return fmt.Errorf("sending events: %w; what was acknowledged is in the journal, and sending all again is safe", err)
	}
	if refused > 0 {
		return fmt.Errorf("%d events were not sent, since the ledger would reject them", refused)
	}
	return nil
}
