package exports

import (
	"fmt"
	"path/filepath"
	"testing"
)

// BenchmarkState asks for the places of a full queue, as its pages do.
func BenchmarkState(b *testing.B) {
	q, err := New(Options{Dir: filepath.Join(b.TempDir(), "spool")})
	if err != nil {
		b.Fatal(err)
	}
	var tickets []*Ticket
	for i := range q.options.MaxWaiting {
		tickets = append(tickets, add(b, q, writing(fmt.Sprint("agent-", i*2/3), "")))
	}
	for i := 0; b.Loop(); i++ {
		tickets[i%len(tickets)].State()
	}
}
