// Package progress shows the progress of long work to a person: a bar on a
// terminal, and a line every ten seconds elsewhere. It shows nothing for work that
// takes less than a second.
package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

const (
	showAfter    = time.Second            // shorter work shows nothing
	barInterval  = 100 * time.Millisecond // on a terminal
	lineInterval = 10 * time.Second       // elsewhere
)

// Bar shows the progress of one piece of work. It is safe for concurrent use.
type Bar struct {
	mu        sync.Mutex
	out       io.Writer
	terminal  bool
	items     string // what is counted, for example "events loaded"
	done      int64
	total     int64 // 0 if unknown
	now       func() time.Time
	started   time.Time
	lastShown time.Time
}

// New starts a progress bar. items names what is counted, and total is their number,
// or 0 if it is unknown. The bar is drawn if out has a method Terminal that returns
// true; otherwise lines are written.
func New(out io.Writer, now func() time.Time, items string, total int64) *Bar {
	screen, ok := out.(interface{ Terminal() bool })
	return &Bar{out: out, terminal: ok && screen.Terminal(), items: items, total: total, now: now, started: now()}
}

// Add counts n more items.
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

// Done ends the work. If something was shown, it shows the final count and the time
// that the work took.
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
