package journal

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrNoLedger is returned by Open when there is no ledger and none was to be made.
	ErrNoLedger = errors.New("there is no ledger")
	// ErrTooLarge is returned by Append, before anything is sent, for a message
	// or a batch over its limit.
	ErrTooLarge = errors.New("too large")
	// ErrFull is returned by Append when the stream has reached the bound that
	// keeps the disk's reserve free. Nothing was stored.
	ErrFull = errors.New("the journal is full")
	// ErrBusy is returned by Append when other writers hold all the places for
	// open batches until the context ends. Nothing was stored.
	ErrBusy = errors.New("too many batches are open")
	// ErrForbidden is returned by Append when the server does not let this
	// connection publish on the subject. Nothing was stored.
	ErrForbidden = errors.New("the server does not permit it")
	// ErrOutcomeUnknown is returned by Append when no answer came after the messages
	// were sent: they are stored all or not at all, and nobody knows which.
	// Sending them again is safe, since event ids are remembered downstream.
	ErrOutcomeUnknown = errors.New("not known whether it was stored")
	// ErrGap is returned by Follow and Read when the next record is not the one
	// after the last. The records before it were handed over.
	ErrGap = errors.New("gap in the journal")
	// ErrBehind is returned by Follow and Read when the journal ends before the
	// caller's position, as one that was restored from an old copy does.
	ErrBehind = errors.New("the journal ends before the position")
	// ErrReconnected is returned by Follow and Read when the flow of records was
	// interrupted and can be taken up again: check the record at the position,
	// then call again. It is also returned by what asks the server and got no
	// answer.
	ErrReconnected = errors.New("the connection to the journal was interrupted")
	// ErrNotFound is returned by At for a sequence that has no record.
	ErrNotFound = errors.New("no such record")
	// ErrClosed is returned by everything once Close was called.
	ErrClosed = errors.New("the journal is closed")
)

// Error codes of the JetStream API that the client library does not name.
const (
	codeWrongLastSequence       = 10071
	codeWrongLastSequenceNoCopy = 10164
	codeStoreFailed             = 10077
	codeResourcesExceeded       = 10002
	codeInsufficientResources   = 10023
	codeStorageExceeded         = 10047
	codeMessageTooLarge         = 10054
	codeIncompleteBatch         = 10176
	codeTooManyBatches          = 10210
)

// apiCode returns the code with which JetStream refused, or 0 where err is another
// error.
func apiCode(err error) jetstream.ErrorCode {
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		return api.ErrorCode
	}
	return 0
}

// apiError turns a refusal by JetStream into one of this package's errors,
// keeping the refusal's own words.
func apiError(err error) error {
	switch apiCode(err) {
	case codeStoreFailed, codeResourcesExceeded, codeInsufficientResources, codeStorageExceeded:
		return fmt.Errorf("%w (%v): free disk space on the journal's server; bookledger's own server then accepts events again by itself", ErrFull, err)
	case codeMessageTooLarge:
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	case codeTooManyBatches:
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return err
}
