package journal

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrNoLedger is returned by Open when there is no ledger and Options.Genesis
	// is nil.
	ErrNoLedger = errors.New("there is no ledger")
	// ErrTooLarge is returned by Append when a message or batch exceeds a limit.
	// Nothing was sent.
	ErrTooLarge = errors.New("too large")
	// ErrFull is returned by Append when the stream has reached the size limit
	// that keeps the reserve of the disk free. Nothing was stored.
	ErrFull = errors.New("the journal is full")
	// ErrBusy is returned by Append when other writers use all open batches that
	// the server allows until the context ends. Nothing was stored.
	ErrBusy = errors.New("too many batches are open")
	// ErrForbidden is returned when the server does not permit the request, such
	// as publishing on the subject. Nothing was stored.
	ErrForbidden = errors.New("the server does not permit the request")
	// ErrOutcomeUnknown is returned by Append when no acknowledgement arrived
	// after the messages were sent. Either all or none of them were stored.
	// Sending them again is safe, because the projection ignores repeated event
	// ids.
	ErrOutcomeUnknown = errors.New("not known whether the messages were stored")
	// ErrGap is returned by Follow and Read when a record is missing. The records
	// before the gap were delivered.
	ErrGap = errors.New("gap in the journal")
	// ErrBehind is returned by Follow and Read when the journal ends before the
	// caller's position, for example because it was restored from an old copy.
	ErrBehind = errors.New("the journal ends before the position")
	// ErrReconnected is returned when the connection was interrupted or a request
	// got no response. After Follow or Read, check the record at the position,
	// then call again.
	ErrReconnected = errors.New("the connection to the journal was interrupted")
	// ErrNotFound is returned by At when there is no record with the sequence.
	ErrNotFound = errors.New("no such record")
	// ErrClosed is returned by all methods after Close.
	ErrClosed = errors.New("the journal is closed")
)

// Error codes of the JetStream API for which the client library has no
// constants.
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

// apiCode returns the error code of a JetStream error, or 0 for another error.
func apiCode(err error) jetstream.ErrorCode {
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		return api.ErrorCode
	}
	return 0
}

// apiError wraps a JetStream error in the matching error of this package.
func apiError(err error) error {
	switch apiCode(err) {
	case codeStoreFailed, codeResourcesExceeded, codeInsufficientResources, codeStorageExceeded:
		return fmt.Errorf("%w (%v): free disk space on the journal's server; the embedded server then accepts events again without a restart", ErrFull, err)
	case codeMessageTooLarge:
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	case codeTooManyBatches:
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return err
}
