package projections_test

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"bookledger/events"
	"bookledger/events/record"
)

func BenchmarkZZCheck(b *testing.B) {
	var ms []message
	n := 0
	for m := range newStream(1000).events(30000) {
		ms = append(ms, m)
		n += len(m.body)
	}
	b.SetBytes(int64(n / len(ms)))
	b.Run("check", func(b *testing.B) {
		b.ReportAllocs()
		var c events.Checker
		i := 0
		for b.Loop() {
			m := ms[i%len(ms)]
			i++
			got := c.Check(m.subject, m.body)
			if r := got.Rejection(); r != nil {
				b.Fatal(r)
			}
		}
	})
	b.Run("valid", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			m := ms[i%len(ms)]
			i++
			if !jsontext.Value(m.body).IsValid() {
				b.Fatal()
			}
		}
	})
	b.Run("leaf", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			m := ms[i%len(ms)]
			i++
			r := record.Record{Seq: 4, Subject: m.subject, Body: m.body}
			_ = r.LeafHash()
		}
	})
}
