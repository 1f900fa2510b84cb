package command

import (
	"errors"
	"fmt"
	"io"
	"os"

	"bookledger/cmd/internal/cli"
	"bookledger/events"
	"bookledger/events/journal"
	"bookledger/events/record"
)

// openInput opens a file, or standard input if path is "-".
func openInput(env *cli.Environment, path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(env.In), nil
	}
	if _, err := checkFile(path); err != nil {
		return nil, err
	}
	return os.Open(path)
}

// checkFile returns an error if a file does not exist or is a folder.
func checkFile(path string) (os.FileInfo, error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		err = errors.New("a folder, not a file")
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return info, nil
}

// invalidLine describes a line of NDJSON that the ledger would reject.
type invalidLine struct {
	Line   int         `json:"line"`
	ID     string      `json:"id,omitempty"`
	Code   events.Code `json:"code"`
	Field  string      `json:"field"`
	Reason string      `json:"reason"`
}

func (f invalidLine) String() string {
	if f.Field == "" {
		return fmt.Sprintf("line %d: %s: %s", f.Line, f.Code, f.Reason)
	}
	return fmt.Sprintf("line %d: %s: %s: %s", f.Line, f.Code, f.Field, f.Reason)
}

// lineChecker reads NDJSON and checks the event of each line as the ledger will.
type lineChecker struct {
	checker events.Checker
	history *recordedTimes // nil except for a history load, which ignores subjects
	invalid func(invalidLine) error
}

// each calls l.invalid for each line that the ledger would reject, and valid for each
// other line.
func (l *lineChecker) each(in io.Reader, valid func(record.Line, *events.Event) error) error {
	reader := record.NewReader(in)
	for {
		line, number, err := reader.Next()
		if err == io.EOF {
			return nil
		}
		var bad *record.LineError
		switch {
		case errors.As(err, &bad):
			err = l.invalid(invalidLine{Line: number, Code: events.Malformed, Reason: bad.Err.Error()})
		case err != nil:
			return fmt.Errorf("reading the events: %w", err)
		default:
			err = l.check(line, number, valid)
		}
		if err != nil {
			return err
		}
	}
}

func (l *lineChecker) check(line record.Line, number int, valid func(record.Line, *events.Event) error) (err error) {
	if len(line.Body) > journal.MaxBody {
		return l.invalid(invalidLine{Line: number, Code: events.Malformed, Reason: fmt.Sprintf("the event has %d bytes, and the limit is %d", len(line.Body), journal.MaxBody)})
	}
	checked := l.checker.Check(line.Subject, line.Body)
	if l.history != nil && checked.Event.Source != "" {
		line.Subject = events.HistorySubject(checked.Event.Source)
		checked = l.checker.Check(line.Subject, line.Body)
	}
	rejection := checked.Rejection()
	switch {
	case rejection != nil:
	case checked.Event.Source == events.SourcePortal:
		rejection = &events.Rejection{Code: events.WrongSubject, Field: "source", Reason: "the source is reserved for the portal"}
	case l.history != nil:
		if rejection, err = l.history.check(line.Recorded); err != nil {
			return err
		}
	case !events.IsUpstream(line.Subject):
		rejection = &events.Rejection{Code: events.WrongSubject, Reason: "only bookledger publishes on this subject; use \"bookledger history load\" for past events"}
	}
	if rejection != nil {
		return l.invalid(invalidLine{number, checked.Event.ID, rejection.Code, rejection.Field, rejection.Reason})
	}
	return valid(line, &checked.Event)
}
