package journal

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bookledger/events"
	"bookledger/events/record"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// nkey returns the public key of a synthetic NKEY, and the path of a file with its
// seed.
func nkey(t testing.TB, n byte) (public, file string) {
	t.Helper()
	pair, err := nkeys.FromRawSeed(nkeys.PrefixByteUser, slices.Repeat([]byte{n}, 32))
	if err != nil {
		t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	if public, err = pair.PublicKey(); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "reader.nk")
	if err := os.WriteFile(file, seed, 0o600); err != nil {
		t.Fatal(err)
	}
	return public, file
}

// openListening opens a journal with a listener, and connects a client without a key.
func openListening(t testing.TB) (*Journal, *nats.Conn) {
	t.Helper()
	public, _ := nkey(t, 1)
	j := openTest(t, Options{Listen: "127.0.0.1:0", ReaderKey: public})
	return j, connectAnonymous(t, j)
}

// connectAnonymous connects without a key.
func connectAnonymous(t testing.TB, j *Journal, options ...nats.Option) *nats.Conn {
	t.Helper()
	options = append([]nats.Option{nats.Timeout(testTimeout), nats.PermissionErrOnSubscribe(true), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})}, options...)
	nc, err := nats.Connect(j.URL(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// connectWithKey connects as a command does. The key is a file, or "" for none.
func connectWithKey(t testing.TB, j *Journal, key string) *Client {
	t.Helper()
	return connectTo(t, Server{URL: j.URL(), NKey: key})
}

func connectTo(t testing.TB, s Server) *Client {
	t.Helper()
	c, err := Connect(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func connectReader(t testing.TB, j *Journal) *Client {
	t.Helper()
	_, key := nkey(t, 1)
	return connectWithKey(t, j, key)
}

// TestOpenClientPublishes publishes as upstream systems and standard tools do.
func TestOpenClientPublishes(t *testing.T) {
	t.Parallel()
	j, nc := openListening(t)
	js, _ := jetstream.New(nc)
	ctx := testContext(t)
	n := 1
	for _, subject := range events.UpstreamSubjects() {
		subject = strings.ReplaceAll(subject, "*", "calheers")
		ack, err := js.Publish(ctx, subject, []byte("{}"))
		if err != nil || ack.Stream != Stream {
			t.Fatal(subject, ack, err)
		}
		if n++; ack.Sequence != uint64(n) {
			t.Fatal(subject, ack.Sequence)
		}
		reply, err := nc.Request(subject, []byte("{}"), testTimeout)
		if n++; err != nil || !strings.Contains(string(reply.Data), fmt.Sprintf(`"seq":%d`, n)) {
			t.Fatal(reply, err)
		}
	}
	batch, err := jetstreamext.NewBatchPublisher(js)
	if err != nil {
		t.Fatal(err)
	}
	for range 99 {
		if err := batch.Add(consumerSubject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if ack, err := batch.Commit(ctx, consumerSubject, []byte("{}")); err != nil || ack.Sequence != uint64(n+100) {
		t.Fatal(ack, err)
	}
	header := nats.Header{record.HeaderRecorded: {"2026-11-20T20:59:58-08:00"}}
	ack, err := js.PublishMsg(ctx, &nats.Msg{Subject: events.HistorySubject("calheers"), Header: header, Data: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	r, err := j.At(ctx, ack.Sequence)
	if err != nil || r.Header != header.Get(record.HeaderRecorded) || r.Subject != events.HistorySubject("calheers") {
		t.Fatal(r, err)
	}
	checkRecords(t, j, n+101)
}

// TestClientAppends appends as the publish command does, and checks that forbidden
// requests return ErrForbidden.
func TestClientAppends(t *testing.T) {
	t.Parallel()
	j, _ := openListening(t)
	client := connectWithKey(t, j, "")
	for i := range 3 {
		if ack, err := client.Append(testContext(t), messages(1000, 1000*i)); err != nil || ack.Last != uint64(1001+1000*i) {
			t.Fatal(ack, err)
		}
	}
	// The server does not answer a forbidden message, alone or in a batch.
	own := Message{Subject: events.SubjectClock, Body: []byte("{}")}
	for _, batch := range [][]Message{{own}, append(messages(2, 99), own), append([]Message{own}, messages(2, 99)...)} {
		if _, err := client.Append(testContext(t), batch); !errors.Is(err, ErrForbidden) {
			t.Fatalf("append on the ledger's own subject: got %v, want ErrForbidden", err)
		}
	}
	_, last := client.Last(testContext(t))
	_, one := client.At(testContext(t), 1)
	all := client.Read(testContext(t), 0, 1, nil)
	_, appended := connectReader(t, j).Append(testContext(t), messages(1, 0))
	for what, err := range map[string]error{"Last": last, "At": one, "Read": all, "Append as reader": appended} {
		if !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: got %v, want ErrForbidden", what, err)
		}
	}
	checkRecords(t, j, 3001)
}

// publishRaw publishes on a history subject with arbitrary header bytes.
func publishRaw(t *testing.T, j *Journal, headers ...string) {
	t.Helper()
	raw, err := net.Dial("tcp", strings.TrimPrefix(j.URL(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	fmt.Fprintf(raw, "CONNECT {\"headers\":true,\"verbose\":false}\r\n")
	for _, header := range headers {
		fmt.Fprintf(raw, "HPUB %s %d %d\r\n%s\r\n", events.HistorySubject("calheers"), len(header), len(header), header)
	}
	fmt.Fprintf(raw, "PING\r\n")
	answer, reader := "", bufio.NewReader(raw)
	for !strings.HasPrefix(answer, "PONG") {
		if answer, err = reader.ReadString('\n'); err != nil || strings.HasPrefix(answer, "-ERR") {
			t.Fatal(answer, err)
		}
	}
}

// appendOddRecords publishes records that are hard to read: with an empty body, with
// the longest body, and with headers that are invalid or look like those of the
// server.
func appendOddRecords(t *testing.T, j *Journal, nc *nats.Conn) {
	t.Helper()
	words := []nats.Header{
		{"Status": {"100"}}, {"Status": {"100"}, "Nats-Last-Stream": {"99"}}, {"Status": {"408"}}, {"Status": {"409"}}, {"Status": {"503"}},
		{"Status": {"100"}, "Nats-Consumer-Stalled": {"ledger.clock"}},
		{"Nats-Sequence": {"8"}, "Nats-Time-Stamp": {"2020-01-01T00:00:00Z"}, "Nats-Subject": {"ledger.clock"}, "Nats-Stream": {"OTHER"}}, // the eighth record
	}
	for _, header := range words {
		if err := nc.PublishMsg(&nats.Msg{Subject: consumerSubject, Header: header}); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	batch := messages(1000, 0)
	for i := range batch {
		if i%7 == 0 {
			batch[i].Subject, batch[i].Recorded = events.HistorySubject("calheers"), fmt.Sprint("2026-11-20T20:59:58.", i, "-08:00")
		}
		if i%5 < 2 {
			batch[i].Body = nil
		}
	}
	mustAppend(t, j, batch...)
	mustAppend(t, j, batch...)
	publishRaw(t, j, "NATS/1.0\r\nno colon\r\n\r\n", "NATS/1.0 100 Idle Heartbeat\r\n\r\n", "rubbish", "NATS/1.0\r\nLedger-Recorded: x",
		"", "\r\n", "N", "NATS/1.0\r\nLedger-Recorded: x\r\n", "NATS/1.0\r\nLedger-Recorded: x\r\nzz", "NATS/1.0\r\nLedger-Recorded: x\r\n\nz", "NATS/1.0\nLedger-Recorded:x\n\n",
		"NATS/1.0\r\nNats-Request-Info: {}\r\nLedger-Recorded: x\r\nLedger-Recorded: y\r\n\r\n", "NATS/1.0 204 EOB\r\n\r\n", "NATS/1.0\r\nledger-recorded: x\r\n\r\n")
	for i, end := range []string{"\r\n", "\r\n\r\n", "\n\nX: y\r\n\r\n"} {
		publishRaw(t, j, fmt.Sprintf("NATS/1.0\r\nNats-Stream: LEDGER\r\nNats-Subject: ledger.clock\r\nNats-Sequence: %d\r\nNats-Time-Stamp: 2020-01-01T00:00:00Z\r\n%s", 2023+i, end))
	}
	ack := mustAppend(t, j, Message{Subject: consumerSubject, Body: slices.Repeat([]byte("x"), MaxBody)}, Message{Subject: consumerSubject})
	if ack.First != 2026 {
		t.Fatal("the forged headers do not match the sequences of their records:", ack)
	}
}

// checkSame compares two lists of records.
func checkSame(t *testing.T, got, want []record.Record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d records, want %d", len(got), len(want))
	}
	for i, r := range got {
		if w := want[i]; r.LeafHash() != w.LeafHash() || r.Seq != w.Seq || !r.Stamped.Equal(w.Stamped) || r.Subject != w.Subject || r.Header != w.Header {
			t.Fatalf("got %+v, want %+v", r, w)
		}
	}
}

// TestReaderReadsOddRecords checks that a reader at the listener gets the same records
// as the journal itself, all of them and ranges of them.
func TestReaderReadsOddRecords(t *testing.T) {
	t.Parallel()
	j, nc := openListening(t)
	appendOddRecords(t, j, nc)
	want := readAll(t, j)
	client := connectReader(t, j)
	checkSame(t, readAll(t, client), want)
	for i, r := range want {
		if i%97 == 0 || i > len(want)-10 {
			at, err := client.At(testContext(t), r.Seq)
			if err != nil {
				t.Fatal(err)
			}
			checkSame(t, []record.Record{at}, want[i:i+1])
		}
	}
	if _, err := client.At(testContext(t), uint64(len(want)+1)); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	checkRanges(t, client, want)
	checkRanges(t, j, want)
	// Direct gets may be disabled, as on an external server.
	disableDirectGets(t, j)
	checkSame(t, readAll(t, client), want)
	if now, err := client.Now(testContext(t)); err != nil || now.Before(want[len(want)-1].Stamped) {
		t.Fatal(now, err)
	}
}

// checkRanges reads ranges of records, and a range beyond the end.
func checkRanges(t *testing.T, from recordReader, want []record.Record) {
	t.Helper()
	for _, part := range [][2]int{{0, 1}, {1, 2}, {1, maxYield}, {5, 5 + maxYield + 1}, {700, 1400}, {9, 9}} {
		var got []record.Record
		err := from.Read(testContext(t), uint64(part[0]), uint64(part[1]), func(rs []record.Record) error {
			if len(rs) == 0 || len(rs) > maxYield {
				t.Errorf("got %d records at once", len(rs))
			}
			got = append(got, rs...)
			return nil
		})
		if err != nil {
			t.Fatal(part, err)
		}
		checkSame(t, got, want[part[0]:part[1]])
	}
	if err := from.Read(testContext(t), 0, uint64(len(want)+1), nil); !errors.Is(err, ErrBehind) {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	if err := from.Read(testContext(t), 0, 900, func([]record.Record) error { return stop }); !errors.Is(err, stop) {
		t.Fatal(err)
	}
}

// disableDirectGets turns off direct gets of the stream.
func disableDirectGets(t *testing.T, j *Journal) {
	t.Helper()
	config := configOf(t, j)
	config.AllowDirect = false
	if _, err := j.js.UpdateStream(testContext(t), config); err != nil {
		t.Fatal(err)
	}
}

// TestReaderReadsLargeRecords reads records whose total size is close to the amount
// that the server buffers for a client.
func TestReaderReadsLargeRecords(t *testing.T) {
	t.Parallel()
	j, _ := openListening(t)
	large := slices.Repeat([]Message{{Subject: consumerSubject, Body: slices.Repeat([]byte("x"), MaxBody)}}, 15)
	for range 3 {
		mustAppend(t, j, large...)
	}
	checkSame(t, readAll(t, connectReader(t, j)), readAll(t, j))
}

// TestRefusesWrongCredentials checks that the server refuses a client with wrong
// credentials, and does not treat it as a client without any.
func TestRefusesWrongCredentials(t *testing.T) {
	t.Parallel()
	j, _ := openListening(t)
	keyless := openTest(t, Options{Listen: "127.0.0.1:0"})
	public, right := nkey(t, 1)
	_, wrong := nkey(t, 2)
	for _, s := range []Server{{URL: j.URL(), NKey: wrong}, {URL: keyless.URL(), NKey: right}, {URL: j.URL(), NKey: filepath.Join(t.TempDir(), "none")}} {
		if c, err := Connect(s); err == nil {
			c.Close()
			t.Errorf("connected with %+v", s)
		}
	}
	for name, option := range map[string]nats.Option{
		"password":  nats.UserInfo("bookledger", "guess"),
		"token":     nats.Token("guess"),
		"signature": nats.Nkey(public, func([]byte) ([]byte, error) { return slices.Repeat([]byte{7}, 64), nil }),
	} {
		if nc, err := nats.Connect(j.URL(), option); err == nil {
			nc.Close()
			t.Error("connected with a wrong", name)
		}
	}
}
