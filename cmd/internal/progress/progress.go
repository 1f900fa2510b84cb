// Package progress tells a person that work goes on: a bar on a terminal,
// sparse lines elsewhere, and nothing at all of work that is done within a
// second.
package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

const (
	showAfter     = time.Second            // until then nothing is shown
	barInterval  = 100 * time.Millisecond // on a terminal
	lineInterval = 10 * time.Second       // elsewhere
)

// Bar is the progress of one piece of work. It may be used by several
// goroutines at once.
type Bar struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	items     string // what is counted, like "events loaded"
	done     int64
	total    int64 // 0 where it is not known
	now      func() time.Time
	started    time.Time
	lastShown    time.Time
}

// New begins the progress of what, which total counts to (0: not known). It
// draws a bar where out has a method Terminal that says so.
func New(out io.Writer, now func() time.Time, what string, total int64) *Bar {
	screen, ok := out.(interface{ Terminal() bool })
	return &Bar{out: out, terminal: ok && screen.Terminal(), items: what, total: total, now: now, started: now()}
}

// Add counts n more.
func (b *Bar) Add(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done += int64(n)
	now := b.now()
	every := lineInterval
	if b.terminal {
		every = barInterval
	}
	if now.Sub(b.started) < showAfter || now.Sub(b.lastShown) < every {
		return
	}
	b.lastShown = now
	b.print("")
}

// Done ends the progress; what was shown is completed.
func (b *Bar) Done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lastShown.IsZero() {
		return
	}
	b.print(fmt.Sprintf(" in %s", b.now().Sub(b.started).Round(time.Second/10)))
	if b.terminal {
		fmt.Fprintln(b.out)
	}
}

func (b *Bar) print(tail string) {
	text := fmt.Sprintf("%d %s%s", b.done, b.items, tail)
	if b.total > 0 {
		text = fmt.Sprintf("%d of %d %s%s", b.done, b.total, b.items, tail)
	}
	if !b.terminal {
		fmt.Fprintln(b.out, text)
		return
	}
	if b.total > 0 {
		const width = 30
		n := int(min(b.done, b.total) * width / b.total)
		text = "[" + strings.Repeat("=", n) + strings.Repeat(" ", width-n) + "] " + text
	}
	fmt.Fprintf(b.out, "\r\x1b[K%s", text)
}
