package accesslog

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// errClosed is returned when a closed log is used.
var errClosed = errors.New("the log is closed")

// Log is an open access log. It is safe for concurrent use.
type Log struct {
	path string
	mu   sync.Mutex
	file *os.File // nil when closed
	torn bool     // the last line lacks its newline, for example because the disk is full
}

// Open opens the log for appending. Only the owner can read a new file; the
// permissions of an existing file do not change.
func Open(path string) (*Log, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	return &Log{path: path, file: f}, nil
}

func openFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the access log: %w", err)
	}
	return f, nil
}

// Write appends the entry as one line, in one write. After an error the line may be missing
// from the file, and the view must not be shown.
func (l *Log) Write(e Entry) error {
	text, err := e.encode()
	if err != nil {
		return fmt.Errorf("writing to the access log: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return fmt.Errorf("writing to the access log: %w", errClosed)
	}
	if l.torn {
		text = append([]byte("\n"), text...)
	}
	n, err := l.file.Write(text)
	if n > 0 {
		l.torn = err != nil
	}
	if err != nil {
		return fmt.Errorf("writing to the access log: %w", err)
	}
	return nil
}

// Reopen continues in the file that is now at the log's path. If the old file was renamed,
// that is a new file. After an error the log continues in the old file or, if only closing
// the old file failed, in the new one.
func (l *Log) Reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return fmt.Errorf("reopening the access log: %w", errClosed)
	}
	f, err := openFile(l.path)
	if err != nil {
		return err
	}
	old := l.file
	l.file, l.torn = f, false
	return syncAndClose(old)
}

// Close syncs and closes the log. Closing it again does nothing.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	old := l.file
	l.file = nil
	return syncAndClose(old)
}

func syncAndClose(f *os.File) error {
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("closing the access log: %w", err)
	}
	return nil
}
