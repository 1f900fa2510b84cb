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

// nkey returns the public half of a made-up NKEY, and a file with its seed.
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

// openToAll is a journal with a listener, and a client without a key.
func openToAll(t testing.TB) (*Journal, *nats.Conn) {
	t.Helper()
	public, _ := nkey(t, 1)
	j := openTest(t, Options{Listen: "127.0.0.1:0", ReaderKey: public})
	return j, stranger(t, j)
}

// stranger connects without a key.
func stranger(t testing.TB, j *Journal, options ...nats.Option) *nats.Conn {
	t.Helper()
	options = append([]nats.Option{nats.Timeout(atMost), nats.PermissionErrOnSubscribe(true), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})}, options...)
	nc, err := nats.Connect(j.URL(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// connect connects as a command does, with a key or, for "", without.
func connect(t testing.TB, j *Journal, key string) *Client {
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

func reader(t testing.TB, j *Journal) *Client {
	t.Helper()
	_, key := nkey(t, 1)
	return connect(t, j, key)
}

// TestOpenClientPublishes does what upstream systems and stock tools do.
func TestOpenClientPublishes(t *testing.T) {
	t.Parallel()
	j, nc := openToAll(t)
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
		reply, err := nc.Request(subject, []byte("{}"), atMost)
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
	checkWhole(t, j, n+101)
}

// TestClientAppends appends as publish does, and is told what it may not do.
func TestClientAppends(t *testing.T) {
	t.Parallel()
	j, _ := openToAll(t)
	client := connect(t, j, "")
	for i := range 3 {
		if ack, err := client.Append(testContext(t), messages(1000, 1000*i)); err != nil || ack.Last != uint64(1001+1000*i) {
			t.Fatal(ack, err)
		}
	}
	// The server gives no answer to what is forbidden, alone or in a batch.
	own := Message{Subject: events.SubjectClock, Body: []byte("{}")}
	for _, batch := range [][]Message{{own}, append(messages(2, 99), own), append([]Message{own}, messages(2, 99)...)} {
		if _, err := client.Append(testContext(t), batch); !errors.Is(err, ErrForbidden) {
			t.Fatalf("writing the ledger's own subject: %v", err)
		}
	}
	_, last := client.Last(testContext(t))
	_, one := client.At(testContext(t), 1)
	all := client.Read(testContext(t), 0, 1, nil)
	_, appended := reader(t, j).Append(testContext(t), messages(1, 0))
	for what, err := range map[string]error{"last record": last, "one record": one, "all records": all, "the reader appends": appended} {
		if !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: %v", what, err)
		}
	}
	checkWhole(t, j, 3001)
}

// publishRaw publishes on a history subject with header bytes of any kind.
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

// oddRecords publishes what may trouble a reader: no body at all, the longest
// one, and headers that look like words of the server or cannot be read.
func oddRecords(t *testing.T, j *Journal, nc *nats.Conn) {
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
		t.Fatal("the forged records have other sequences:", ack)
	}
}

// checkSame compares what was read with what the journal follows and finds.
func checkSame(t *testing.T, got, want []record.Record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i, r := range got {
		if w := want[i]; r.LeafHash() != w.LeafHash() || r.Seq != w.Seq || !r.Stamped.Equal(w.Stamped) || r.Subject != w.Subject || r.Header != w.Header {
			t.Fatalf("read %+v, want %+v", r, w)
		}
	}
}

// TestReader reads odd records over the listener as the daemon does in its own
// process, whole and in parts.
func TestReader(t *testing.T) {
	t.Parallel()
	j, nc := openToAll(t)
	oddRecords(t, j, nc)
	want := readAll(t, j)
	client := reader(t, j)
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
	checkParts(t, client, want)
	checkParts(t, j, want)
	// A stream of an older or another server may not know direct gets.
	forbidDirect(t, j)
	checkSame(t, readAll(t, client), want)
	if now, err := client.Now(testContext(t)); err != nil || now.Before(want[len(want)-1].Stamped) {
		t.Fatal(now, err)
	}
}

// checkParts reads parts of what is there, and what is not.
func checkParts(t *testing.T, from reading, want []record.Record) {
	t.Helper()
	for _, part := range [][2]int{{0, 1}, {1, 2}, {1, maxYield}, {5, 5 + maxYield + 1}, {700, 1400}, {9, 9}} {
		var got []record.Record
		err := from.Read(testContext(t), uint64(part[0]), uint64(part[1]), func(rs []record.Record) error {
			if len(rs) == 0 || len(rs) > maxYield {
				t.Errorf("%d records at once", len(rs))
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

// forbidDirect has the stream know no direct gets.
func forbidDirect(t *testing.T, j *Journal) {
	t.Helper()
	config := configOf(t, j)
	config.AllowDirect = false
	if _, err := j.js.UpdateStream(testContext(t), config); err != nil {
		t.Fatal(err)
	}
}

// TestReaderTakesLargeRecords reads records of which not many more would go
// into what the server keeps for a client.
func TestReaderTakesLargeRecords(t *testing.T) {
	t.Parallel()
	j, _ := openToAll(t)
	large := slices.Repeat([]Message{{Subject: consumerSubject, Body: slices.Repeat([]byte("x"), MaxBody)}}, 15)
	for range 3 {
		mustAppend(t, j, large...)
	}
	checkSame(t, readAll(t, reader(t, j)), readAll(t, j))
}

// TestWrongKey holds that whoever signs in wrongly is refused, and is not taken
// for one of those who need not sign in.
func TestWrongKey(t *testing.T) {
	t.Parallel()
	j, _ := openToAll(t)
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
