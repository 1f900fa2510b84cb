package progress_test

import (
	"bytes"
	"testing"
	"time"

	"bookledger/cmd/internal/progress"
)

// screen is a terminal.
type screen struct{ bytes.Buffer }

func (*screen) Terminal() bool { return true }

// work counts four times 25 of 100, a step apart.
func work(step time.Duration, begin func(now func() time.Time) *progress.Bar) {
	at := time.Unix(0, 0)
	b := begin(func() time.Time { return at })
	for range 4 {
		at = at.Add(step)
		b.Add(25)
	}
	b.Done()
}

func TestBar(t *testing.T) {
	for name, c := range map[string]struct {
		step             time.Duration
		onScreen, inFile string
	}{
		"done within a second": {200 * time.Millisecond, "", ""},
		"a bar is drawn anew, and a line is written every ten seconds": {
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
			var terminal screen
			work(c.step, func(now func() time.Time) *progress.Bar { return progress.New(&terminal, now, "steps", 100) })
			if got := terminal.String(); got != c.onScreen {
				t.Errorf("on a terminal:\n%q, want\n%q", got, c.onScreen)
			}
			var file bytes.Buffer
			work(c.step, func(now func() time.Time) *progress.Bar { return progress.New(&file, now, "steps", 100) })
			if got := file.String(); got != c.inFile {
				t.Errorf("into a file:\n%q, want\n%q", got, c.inFile)
			}
		})
	}
}
