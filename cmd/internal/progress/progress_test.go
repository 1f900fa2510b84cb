package progress_test

import (
	"bytes"
	"testing"
	"time"

	"bookledger/cmd/internal/progress"
)

// terminalBuffer is a buffer that claims to be a terminal.
type terminalBuffer struct{ bytes.Buffer }

func (*terminalBuffer) Terminal() bool { return true }

// work counts 25 of 100 items four times, with a step of time before each.
func work(step time.Duration, newBar func(now func() time.Time) *progress.Bar) {
	at := time.Unix(0, 0)
	b := newBar(func() time.Time { return at })
	for range 4 {
		at = at.Add(step)
		b.Add(25)
	}
	b.Done()
}

func TestBarOnTerminalAndInFile(t *testing.T) {
	for name, c := range map[string]struct {
		step               time.Duration
		onTerminal, inFile string
	}{
		"work shorter than a second shows nothing": {200 * time.Millisecond, "", ""},
		"a bar is redrawn, and a line is written every ten seconds": {
			6 * time.Second,
			"\r\x1b[K[=======                       ] 25 of 100 steps" +
				"\r\x1b[K[===============               ] 50 of 100 steps" +
				"\r\x1b[K[======================        ] 75 of 100 steps" +
				"\r\x1b[K[==============================] 100 of 100 steps" +
				"\r\x1b[K[==============================] 100 of 100 steps in 24s\n",
			"25 of 100 steps\n75 of 100 steps\n100 of 100 steps in 24s\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var terminal terminalBuffer
			work(c.step, func(now func() time.Time) *progress.Bar { return progress.New(&terminal, now, "steps", 100) })
			if got := terminal.String(); got != c.onTerminal {
				t.Errorf("on a terminal: got\n%q, want\n%q", got, c.onTerminal)
			}
			var file bytes.Buffer
			work(c.step, func(now func() time.Time) *progress.Bar { return progress.New(&file, now, "steps", 100) })
			if got := file.String(); got != c.inFile {
				t.Errorf("in a file: got\n%q, want\n%q", got, c.inFile)
			}
		})
	}
}
