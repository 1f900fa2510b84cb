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
		Short: "Publish events to a running ledger, as an upstream system does",
		Long: `Publish the events of an NDJSON file, or of standard input, to a running ledger.
Each line has a "subject" and an "event"; other members are ignored. The command
reads, checks and sends the events as a stream, in batches that the journal
acknowledges once they are on disk. It does not send events that "bookledger
validate" would refuse: it names each with its line, and the exit code is 1.

Publishing the same file again after an interruption is safe: an event with the
source and id of an earlier one is a duplicate and changes nothing.`,
		Example: `  bookledger publish events.ndjson
  bookdemo generate --agents 5 --consumers 50 --weeks 2 --seed 1 | bookledger publish - --json`,
		RunE: func(cmd *cobra.Command, args []string) error { return runPublish(cmd.Context(), env, args[0], o) },
	}
	cmd.Flags().StringVar(&o.nats.URL, "nats", defaultNATS, "`URL` of the NATS server")
	cmd.Flags().StringVar(&o.nats.Creds, "nats-creds", "", "credentials `file` for the NATS server")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object per acknowledged batch")
	cli.SuggestFlag(cmd, "nats")
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

// sender sends lines to a journal and counts them.
type sender struct {
	env  *cli.Environment
	json bool // print an object for each batch
	bar  *progress.Bar

	mu      sync.Mutex // the input is read by another goroutine
	ids     []string   // of events that were sent and are not acknowledged yet
	acked   int
	refused int
}

func newSender(env *cli.Environment, asJSON bool) *sender {
	return &sender{env: env, json: asJSON, bar: env.Progress("events acknowledged", 0)}
}

// send sends the lines that the ledger would not reject, and shows how many it has
// sent. If history is not nil, it loads them as history.
func (s *sender) send(ctx context.Context, j *journal.Client, in io.Reader, history *recordedTimes) error {
	return s.finish(j.AppendAll(ctx, s.messages(in, history), s.acknowledge))
}

// errStop stops reading lines when the consumer of the messages has stopped.
var errStop = errors.New("stopped")

// messages returns the messages to send. It shows each line that the ledger would
// reject.
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

// refuse counts and shows a line that is not sent.
func (s *sender) refuse(f invalidLine) error {
	s.mu.Lock()
	s.refused++
	s.mu.Unlock()
	s.env.Messagef("%s; not sent", f)
	return nil
}

// acknowledgement is a batch in the output of publish --json.
type acknowledgement struct {
	Acknowledged int    `json:"acknowledged"`
	FirstSeq     uint64 `json:"first_seq"`
	LastSeq      uint64 `json:"last_seq"`
	LastID       string `json:"last_id"`
}

// acknowledge counts an acknowledged batch.
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

// finish shows how many events were sent, and completes an error of sending.
func (s *sender) finish(err error) error {
	s.bar.Done()
	s.mu.Lock()
	acked, refused := s.acked, s.refused
	s.mu.Unlock()
	s.env.Messagef("%d events acknowledged, %d refused", acked, refused)
	if err != nil {
		return fmt.Errorf("sending events: %w; acknowledged events are in the journal, and sending all events again is safe", err)
	}
	if refused > 0 {
		return fmt.Errorf("%d events were not sent, because the ledger would reject them", refused)
	}
	return nil
}
