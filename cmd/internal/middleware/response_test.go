package middleware

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"bookledger/cmd/internal/fixture"
)

// canary stands for personal data that must not appear in logs or responses.
const canary = "Sánchez-7880"

// observedLogger returns a logger and what it logs at debug level or above.
func observedLogger() (*zap.Logger, *observer.ObservedLogs) {
	core, logs := observer.New(zapcore.DebugLevel)
	return zap.New(core), logs
}

// checkNoCanary checks that no log entry contains a part of the canary.
func checkNoCanary(t *testing.T, logs *observer.ObservedLogs) {
	t.Helper()
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	for _, entry := range logs.All() {
		text, err := encoder.EncodeEntry(entry.Entry, entry.Context)
		fixture.Must(t, err)
		if strings.Contains(text.String(), "7880") || strings.Contains(text.String(), "nchez") {
			t.Errorf("got log entry %s, want no part of the canary", text)
		}
	}
}

func TestPanicGetsResponseWithoutItsValue(t *testing.T) {
	log, logs := observedLogger()
	g := newStack(t, Options{Log: log})
	for name, value := range map[string]any{"text": canary, "an error": errors.New(canary), "a struct": struct{ Name string }{canary}} {
		address := serve(t, g, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5000")
			w.Header().Set("Content-Disposition", "attachment; filename="+canary)
			w.Header().Set("Set-Cookie", "session="+canary)
			panic(value)
		})
		r, body := get(t, address)
		if r.StatusCode != http.StatusInternalServerError || len(r.Header["Set-Cookie"]) != 0 || r.Header.Get("Content-Disposition") != "" || strings.Contains(body, canary) || body == "" {
			t.Errorf("%s: got %d %v %q, want 500 without the handler's headers", name, r.StatusCode, r.Header, body)
		}
	}
	panics := logs.FilterMessage("a request handler panicked").All()
	if len(panics) != 3 || !strings.Contains(panics[0].ContextMap()["stack"].(string), "response_test.go") {
		t.Errorf("got %d log entries for 3 panics, want 3 with a stack: %v", len(panics), panics)
	}
	checkNoCanary(t, logs)
}

func TestPanicAfterFirstByteBreaksConnection(t *testing.T) {
	log, logs := observedLogger()
	for name, begin := range map[string]func(w http.ResponseWriter){
		"written": func(w http.ResponseWriter) { _, _ = io.WriteString(w, "half a book") },
		"flushed": func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
		"aborted": func(w http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		s := httptest.NewUnstartedServer(newStack(t, Options{Log: log}).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			begin(w)
			panic(canary)
		})))
		s.Config.ErrorLog = zap.NewStdLog(log)
		s.Start()
		r, err := http.Get(s.URL)
		if err == nil {
			_, err = io.ReadAll(r.Body)
			r.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: read a complete response, want an error", name)
		}
		s.Close()
	}
	if n := logs.FilterMessage("a request handler panicked").Len(); n != 2 {
		t.Errorf("got %d log entries for panics, want 2 and none for http.ErrAbortHandler", n)
	}
	checkNoCanary(t, logs)
}

func TestRequestLogNamesOnlyRoutes(t *testing.T) {
	log, logs := observedLogger()
	g := newStack(t, Options{Log: log})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/agents/{agent}/active", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "12345")
	})
	copiesRequest := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		RecordRoute(mux).ServeHTTP(w, r.WithContext(r.Context()))
	})
	for _, h := range []http.Handler{mux, copiesRequest} {
		s := httptest.NewServer(g.Handler(h))
		for _, method := range []string{"POST", canary[1:4] + "7880"} {
			r := request(t, "POST", s.URL+"/v1/agents/"+url.PathEscape(canary)+"/active?name="+url.QueryEscape(canary), map[string]string{"Referer": canary, "User-Agent": canary})
			r.Method = strings.ReplaceAll(method, "á", "a")
			r.Body = io.NopCloser(strings.NewReader(canary))
			response, err := http.DefaultClient.Do(r)
			fixture.Must(t, err)
			response.Body.Close()
		}
		s.Close() // waits until all requests are logged
	}
	entries := logs.FilterMessage("request").All()
	if len(entries) != 4 {
		t.Fatalf("got %d log entries, want 4", len(entries))
	}
	for i := 0; i < 4; i += 2 {
		first, second := entries[i].ContextMap(), entries[i+1].ContextMap()
		if first["method"] != "POST" || first["route"] != "POST /v1/agents/{agent}/active" || first["status"] != int64(201) || first["bytes"] != int64(5) || entries[i].Level != zapcore.DebugLevel || len(first) != 5 {
			t.Errorf("got log entry %v, want method, route, status 201, 5 bytes and duration", first)
		}
		if second["method"] != "other" || second["status"] != int64(405) {
			t.Errorf("got log entry %v for an unknown method, want method other and status 405", second)
		}
	}
	checkNoCanary(t, logs)
}

func TestResponseControllerWorks(t *testing.T) {
	flushed := make(chan struct{})
	g := newStack(t, Options{})
	address := serve(t, g, func(w http.ResponseWriter, _ *http.Request) {
		control := http.NewResponseController(w)
		for name, err := range map[string]error{
			"SetReadDeadline": control.SetReadDeadline(time.Time{}), "SetWriteDeadline": control.SetWriteDeadline(time.Time{}), "EnableFullDuplex": control.EnableFullDuplex(),
		} {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, _ = io.WriteString(w, "first")
		if err := control.Flush(); err != nil {
			t.Error(err)
		}
		<-flushed
	})
	r, err := http.Get(address)
	fixture.Must(t, err)
	defer r.Body.Close()
	start := make([]byte, 5)
	if _, err := io.ReadFull(r.Body, start); err != nil || string(start) != "first" {
		t.Errorf("before the end of the response: got %q (error %v), want \"first\"", start, err)
	}
	close(flushed)
}
