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
	quiet     = time.Second            // until then nothing is shown
	barEvery  = 100 * time.Millisecond // on a terminal
	lineEvery = 10 * time.Second       // elsewhere
)

// Bar is the progress of one piece of work. It may be used by several
// goroutines at once.
type Bar struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	what     string // what is counted, like "events loaded"
	done     int64
	total    int64 // 0 where it is not known
	now      func() time.Time
	begun    time.Time
	shown    time.Time
}

// New begins the progress of what, which total counts to (0: not known). It
// draws a bar where out has a method Terminal that says so.
func New(out io.Writer, now func() time.Time, what string, total int64) *Bar {
	screen, ok := out.(interface{ Terminal() bool })
	return &Bar{out: out, terminal: ok && screen.Terminal(), what: what, total: total, now: now, begun: now()}
}

// Add counts n more.
func (b *Bar) Add(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done += int64(n)
	now := b.now()
	every := lineEvery
	if b.terminal {
		every = barEvery
	}
	if now.Sub(b.begun) < quiet || now.Sub(b.shown) < every {
		return
	}
	b.shown = now
	b.show("")
}

// Done ends the progress; what was shown is completed.
func (b *Bar) Done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shown.IsZero() {
		return
	}
	b.show(fmt.Sprintf(" in %s", b.now().Sub(b.begun).Round(time.Second/10)))
	if b.terminal {
		fmt.Fprintln(b.out)
	}
}

func (b *Bar) show(tail string) {
	text := fmt.Sprintf("%d %s%s", b.done, b.what, tail)
	if b.total > 0 {
		text = fmt.Sprintf("%d of %d %s%s", b.done, b.total, b.what, tail)
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
