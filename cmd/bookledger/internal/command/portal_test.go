package command_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"bookledger/cmd/internal/fixture"
)

// certificate writes a certificate of 127.0.0.1 and its key: those of Go's own
// tests.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	pair := server.TLS.Certificates[0]
	secret, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestServeTLS checks that the portal is served only over TLS, and that SIGHUP
// reopens the access log.
func TestServeTLS(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	data := t.TempDir()
	p := serve(t, data, "--tls-cert", cert, "--tls-key", key, "--public-url", "https://127.0.0.1", "--oidc-issuer", "https://127.0.0.1:1")
	if !strings.HasPrefix(p.http, "https://") {
		t.Fatalf("got address %s, want https", p.http)
	}
	client := func(most uint16) *http.Client {
		return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MaxVersion: most, MinVersion: tls.VersionTLS10}}}
	}
	answer, err := client(tls.VersionTLS13).Get(p.http + "/v1/disclaimer")
	if err != nil {
		t.Fatal(err)
	}
	var problem struct{ Type string }
	if err := json.NewDecoder(answer.Body).Decode(&problem); err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != 401 || problem.Type != "urn:bookledger:problem:unauthorized" || answer.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("got %d %+v with headers %v", answer.StatusCode, problem, answer.Header)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if old, err := client(tls.VersionTLS11).Get(p.http + "/"); err == nil {
		t.Errorf("TLS 1.1: got status %d, want an error", old.StatusCode)
	}
	log := filepath.Join(data, "access.log")
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	fixture.Eventually(t, "the access log is reopened", func() bool {
		_, err := os.Stat(log)
		return err == nil
	})
	if code := p.stop(t); code != 0 {
		t.Errorf("got exit code %d, want 0: %s", code, p.text())
	}
}
