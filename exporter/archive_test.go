package exporter

import (
	"bytes"
	"strings"
	"testing"
)

// TestPartsStayBelow4GiB checks that a part that would need the zip64 format is an
// error.
func TestPartsStayBelow4GiB(t *testing.T) {
	var w bytes.Buffer
	part := &limitedWriter{w: &w, left: 10}
	if n, err := part.Write(make([]byte, 9)); n != 9 || err != nil {
		t.Fatalf("wrote %d bytes (%v), want 9", n, err)
	}
	if _, err := part.Write([]byte{1}); err == nil || !strings.Contains(err.Error(), "4 GiB") || w.Len() != 9 {
		t.Errorf("got error %v after %d bytes, want one after 9", err, w.Len())
	}
}
