package exporter

import (
	"bytes"
	"strings"
	"testing"
)

// TestPartsAreLimited holds that no part grows into the zip64 form unseen.
func TestPartsAreLimited(t *testing.T) {
	var w bytes.Buffer
	part := &limited{w: &w, left: 10}
	if n, err := part.Write(make([]byte, 9)); n != 9 || err != nil {
		t.Fatalf("wrote %d, %v", n, err)
	}
	if _, err := part.Write([]byte{1}); err == nil || !strings.Contains(err.Error(), "4 GiB") || w.Len() != 9 {
		t.Errorf("error is %v after %d bytes", err, w.Len())
	}
}
