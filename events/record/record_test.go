package record_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bookledger/events/record"
)

// leaf builds a leaf in hex as the contract describes it: sequence, stamp in
// nanoseconds, subject, header or nothing, and message, each with its length first.
func leaf(seq, nanos uint64, subject, header, body string) string {
	number := func(n uint64) string { return fmt.Sprintf("%016x", n) }
	out := number(8) + number(seq) + number(8) + number(nanos)
	for _, part := range []string{subject, header, body} {
		out += number(uint64(len(part))) + hex.EncodeToString([]byte(part))
	}
	return out
}

// TestLeaf checks the bytes of a leaf and its RFC 6962 hash.
func TestLeaf(t *testing.T) {
	r := record.Record{
		Seq: 7, Stamped: time.Date(2026, 11, 21, 4, 59, 59, 5e8, time.UTC),
		Subject: "ledger.history.calheers", Header: "2026-11-13T21:00:00-08:00", Body: []byte(`{"id":"1"}`),
	}
	const golden = "0000000000000008" + "0000000000000007" +
		"0000000000000008" + "18e9f6b8abc3bb00" +
		"0000000000000017" + "6c65646765722e686973746f72792e63616c6865657273" +
		"0000000000000019" + "323032362d31312d31335432313a30303a30302d30383a3030" +
		"000000000000000a" + "7b226964223a2231227d"
	if got := hex.EncodeToString(r.AppendLeaf(nil)); got != golden {
		t.Errorf("got  %s\nwant %s", got, golden)
	}
	if got := leaf(7, 1795237199500000000, r.Subject, r.Header, string(r.Body)); got != golden {
		t.Errorf("the golden leaf does not follow the contract: got %s", got)
	}
	bytes, err := hex.DecodeString("00" + golden)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.LeafHash(), sha256.Sum256(bytes); got != want {
		t.Errorf("got hash %x, want %x", got, want)
	}
}

// TestLeafFollowsContract checks that the leaf of any record follows the contract,
// whatever the time zone of its stamp. The length before each part makes the leaves
// of different records different.
func TestLeafFollowsContract(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, zone := anyRecord(t), time.FixedZone("", rapid.IntRange(-12, 12).Draw(t, "zone")*3600)
		want := leaf(r.Seq, uint64(r.Stamped.UnixNano()), r.Subject, r.Header, string(r.Body))
		r.Stamped = r.Stamped.In(zone)
		if got := hex.EncodeToString(r.AppendLeaf([]byte{1})); got != "01"+want {
			t.Fatalf("got  %s\nwant 01%s", got, want)
		}
	})
}

// TestSeedDependsOnBody checks that a seed differs from the leaf hash, and depends
// on both the leaf hash and the body.
func TestSeedDependsOnBody(t *testing.T) {
	r := record.Record{Seq: 7, Stamped: time.Unix(1, 0), Subject: "ledger.consumer.calheers", Body: []byte(`{"a":1}`)}
	other := r
	other.Body = []byte(`{"a":2}`)
	seeds := map[[32]byte]bool{r.LeafHash(): true}
	for _, d := range []record.Decoded{{Record: r, Leaf: r.LeafHash()}, {Record: other, Leaf: r.LeafHash()}, {Record: r, Leaf: other.LeafHash()}} {
		if seeds[d.Seed()] {
			t.Errorf("the seed %x occurs twice", d.Seed())
		}
		seeds[d.Seed()] = true
	}
}
