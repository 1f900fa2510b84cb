package delivery_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bookledger/cmd/internal/delivery"
	"bookledger/cmd/internal/fixture"
	"bookledger/cmd/internal/service"
)

// singleConnListener is a listener that accepts a single connection.
type singleConnListener struct{ conns chan net.Conn }

func (l singleConnListener) Accept() (net.Conn, error) {
	if c, ok := <-l.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (l singleConnListener) Close() error   { return nil }
func (l singleConnListener) Addr() net.Addr { return &net.UnixAddr{} }

// serve sends a request to a handler on a server with time limits of 30 and 60
// seconds. Call it in a synctest bubble.
func serve(h http.HandlerFunc) (client net.Conn, end func()) {
	client, server := net.Pipe()
	s := &http.Server{Handler: h, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute}
	l := singleConnListener{make(chan net.Conn, 1)}
	l.conns <- server
	go func() { _ = s.Serve(l) }()
	go func() { _, _ = io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n") }()
	return client, func() { close(l.conns); _ = client.Close(); _ = s.Close() }
}

// TestSlowBook checks that the wait and the download may exceed the server's time
// limits.
func TestSlowBook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := strings.Repeat("a book", 100_000)
		sum := sha256.Sum256([]byte(text))
		client, end := serve(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel, err := delivery.WaitContext(w, r, 5*time.Minute)
			if err != nil {
				t.Error(err)
				return
			}
			defer cancel()
			select {
			case <-ctx.Done():
				t.Errorf("the wait ended early: %v", ctx.Err())
			case <-time.After(4 * time.Minute):
			}
			book := &service.ExportedBook{ReadCloser: io.NopCloser(strings.NewReader(text)), Name: "x.xlsx", Bytes: int64(len(text)), SHA256: hex.EncodeToString(sum[:])}
			if err := delivery.Deliver(w, r, book); err != nil {
				t.Error(err)
			}
		})
		defer end()
		answer, err := http.ReadResponse(bufio.NewReader(client), nil)
		fixture.Must(t, err)
		time.Sleep(9 * time.Minute) // a slow client
		if got, err := io.ReadAll(answer.Body); err != nil || string(got) != text {
			t.Errorf("got %d bytes (%v), want the whole book", len(got), err)
		}
	})
}

// TestWaitEnds checks that the wait ends when the client disconnects and at its time
// limit, and that the client gets a response after the limit.
func TestWaitEnds(t *testing.T) {
	for wait, leaves := range map[time.Duration]bool{time.Minute: true, 5 * time.Minute: false} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			ended := make(chan time.Duration, 1)
			client, end := serve(func(w http.ResponseWriter, r *http.Request) {
				ctx, cancel, err := delivery.WaitContext(w, r, 5*time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				defer cancel()
				<-ctx.Done()
				ended <- time.Since(began)
				w.WriteHeader(http.StatusServiceUnavailable)
			})
			defer end()
			if leaves {
				time.Sleep(wait)
				_ = client.Close()
			} else if answer, err := http.ReadResponse(bufio.NewReader(client), nil); err != nil || answer.StatusCode != 503 {
				t.Errorf("got %v (%v), want status 503", answer, err)
			}
			if lasted := <-ended; lasted != wait {
				t.Errorf("the wait ended after %v, want %v", lasted, wait)
			}
		})
	}
}
