package record_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"bookledger/events/record"
)

// TestDeepMessages holds that a dump can be read back however deep a message
// nests, around the depth at which reading gives up.
func TestDeepMessages(t *testing.T) {
	for depth := 9_998; depth <= 10_002; depth++ {
		body := []byte(strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth))
		r := record.Record{Seq: 1, Stamped: time.Unix(1, 0).UTC(), Subject: "ledger.consumer.calheers", Body: body}
		l, err := record.ParseLine(r.AppendLine(nil, time.Time{}))
		if err != nil || !bytes.Equal(l.Body, body) {
			t.Errorf("a message %d deep is not read back: %v", depth, err)
		}
	}
}

// TestLongestLine holds that a line of the greatest length is read, and one
// byte more refused.
func TestLongestLine(t *testing.T) {
	for _, more := range []int{0, 1} {
		text := strings.Repeat(" ", record.MaxLine+more-2) + "{}\n"
		line, _, err := record.NewReader(strings.NewReader(text)).NextRaw()
		if (err != nil) != (more == 1) || err == nil && len(line) != record.MaxLine {
			t.Errorf("a line of %d bytes more than the longest: %d bytes, %v", more, len(line), err)
		}
	}
}
