package accesslog

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// errClosed is the error of using a log that has been closed.
var errClosed = errors.New("it has been closed")

// Log is an open access log. Its methods may be called by several goroutines
// at once.
type Log struct {
	path string
	mu   sync.Mutex
	file *os.File // nil when closed
	torn bool     // the last line has no end, for want of space or the like
}

// Open opens the log for appending. A new file is readable by its owner alone;
// that of an existing one is left as its operator set it.
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

// Write appends the entry as one line, in one write. After an error the line
// may not be in the file, and the look must not happen.
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

// Reopen goes on in the file that has the log's path now, which is a new one
// when the old has been renamed. On an error the log goes on in the old file,
// or, where only the old one could not be closed, in the new.
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

// Close ends the log; all its lines are on the disk when it returns without an
// error. Closing again does nothing.
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
