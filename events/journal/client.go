package journal

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// requestTimeout is the timeout of one request. The caller's context may end it
// earlier.
const requestTimeout = 30 * time.Second

// connectTimeout is the timeout of one attempt to connect. The client library's
// two seconds are too short for a busy server.
const connectTimeout = 10 * time.Second

// A Server contains the address of a NATS server and the credentials for it.
type Server struct {
	// URL is the URL of the server. Several URLs are separated by commas.
	URL string

	// Creds is the path of a credentials file, or empty. The embedded server does
	// not support credentials and treats such a client as one without.
	Creds string

	// NKey is the path of a file with the seed of an NKEY, or empty. The
	// connection fails if the server does not accept the key. NKey and Creds
	// exclude each other.
	NKey string
}

// A Client is a connection to a server that has a journal. The server's
// permissions decide what it may do: at the listener of an embedded server, a
// client without a key may append upstream and history events, and one with the
// reader's key may read. Anything else returns ErrForbidden. The methods are safe
// for concurrent use.
type Client struct {
	server Server
	log    *zap.Logger
	nc     *nats.Conn
	js     jetstream.JetStream

	ctx  context.Context // ends when Close begins
	stop context.CancelCauseFunc

	mu           sync.Mutex
	pending      map[*pendingRequest]struct{}
	connected    context.Context // ends when the current connection is lost
	disconnected context.CancelFunc
	closing      sync.Once
}

// Connect connects to a server. It does not check that the server has a journal.
func Connect(s Server) (*Client, error) {
	c := newClient(s, zap.NewNop())
	if err := c.connect(); err != nil {
		return nil, fmt.Errorf("connect to the journal at %s: %w", publicURL(s.URL), err)
	}
	return c, nil
}

func newClient(s Server, log *zap.Logger) *Client {
	c := &Client{server: s, log: log, pending: map[*pendingRequest]struct{}{}}
	c.ctx, c.stop = context.WithCancelCause(context.Background())
	c.connected, c.disconnected = context.WithCancel(context.Background())
	return c
}

func (c *Client) connect(account ...nats.Option) error {
	options := append([]nats.Option{
		nats.Name("bookledger"),
		nats.Timeout(connectTimeout),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		// Without a connection, publishing fails at once. The server would refuse
		// a batch that arrives in parts anyway.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { c.connectionLost(err) }),
		nats.ReconnectHandler(func(*nats.Conn) { c.log.Info("journal: reconnected") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			c.log.Warn("journal: connection error", zap.Error(err))
			if errors.Is(err, nats.ErrPermissionViolation) {
				c.permissionDenied(err)
			}
		}),
	}, account...)
	if c.server.Creds != "" && c.server.NKey != "" {
		return errors.New("set Creds or NKey, not both")
	}
	if c.server.Creds != "" {
		options = append(options, nats.UserCredentials(c.server.Creds))
	}
	if c.server.NKey != "" {
		key, err := nats.NkeyOptionFromSeed(c.server.NKey)
		if err != nil {
			return fmt.Errorf("%s does not contain an NKEY seed: %w", c.server.NKey, err)
		}
		options = append(options, key)
	}
	var err error
	if c.nc, err = nats.Connect(c.server.URL, options...); err != nil {
		return err
	}
	c.js, err = jetstream.New(c.nc, jetstream.WithDefaultTimeout(requestTimeout))
	return err
}

// connectionLost ends everything that waits on the lost connection: responses
// will not arrive, and a consumer may no longer exist.
func (c *Client) connectionLost(err error) {
	c.mu.Lock()
	c.disconnected()
	c.connected, c.disconnected = context.WithCancel(context.Background())
	c.mu.Unlock()
	if c.ctx.Err() == nil {
		c.log.Warn("journal: connection lost", zap.Error(err))
	}
}

// connection returns a context that ends when the current connection is lost.
func (c *Client) connection() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.connected
}

// withTimeout returns the context for one request. It ends after requestTimeout,
// when the client is closed, or when the connection is lost.
func (c *Client) withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	stopClosed := context.AfterFunc(c.ctx, cancel)
	stopLost := context.AfterFunc(c.connection(), cancel)
	return ctx, func() { stopClosed(); stopLost(); cancel() }
}

// A pendingRequest is a request without a response so far.
type pendingRequest struct {
	subjects []string
	cancel   context.CancelCauseFunc
}

// addPending registers a request on the subjects until done is called. The server
// does not answer a request that the client may not publish; it reports the
// violation on the connection. The returned context then ends with ErrForbidden.
func (c *Client) addPending(ctx context.Context, subjects ...string) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	p := &pendingRequest{subjects, cancel}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending[p] = struct{}{}
	return ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.pending, p)
		cancel(nil)
	}
}

// permissionDenied cancels the pending requests on the subject that a permission
// violation names.
func (c *Client) permissionDenied(violation error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for p := range c.pending {
		for _, subject := range p.subjects {
			if strings.Contains(violation.Error(), fmt.Sprintf("%q", subject)) {
				p.cancel(fmt.Errorf("%w: publishing on %s", ErrForbidden, subject))
			}
		}
	}
}

// requestError returns the error for a request that failed with err: ErrForbidden,
// ErrClosed, ErrReconnected if the request can be repeated, or err itself.
func (c *Client) requestError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, ErrForbidden) {
		return cause
	}
	if c.ctx.Err() != nil {
		return ErrClosed
	}
	for _, interrupted := range [...]error{context.DeadlineExceeded, context.Canceled, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected,
		nats.ErrConnectionReconnecting, nats.ErrReconnectBufExceeded, nats.ErrConnectionClosed} {
		if errors.Is(err, interrupted) {
			return fmt.Errorf("%w: %w", ErrReconnected, err)
		}
	}
	return err
}

// Close waits for the acknowledgements of appends that were sent, and disconnects.
func (c *Client) Close() error {
	var err error
	c.closing.Do(func() {
		c.stop(ErrClosed)
		if c.nc == nil || c.nc.IsClosed() {
			return
		}
		closed := make(chan struct{})
		c.nc.SetClosedHandler(func(*nats.Conn) { close(closed) })
		if c.nc.Drain() != nil {
			c.nc.Close() // a connection that is reconnecting cannot be drained
			return
		}
		select {
		case <-closed:
		case <-time.After(requestTimeout):
			c.nc.Close()
			err = errors.New("close the connection to the journal: timed out")
		}
	})
	return err
}

// publicURL removes user names and passwords from a list of URLs.
func publicURL(list string) string {
	var servers []string
	for server := range strings.SplitSeq(list, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		if err != nil {
			return "an invalid URL"
		}
		u.User = nil
		servers = append(servers, u.String())
	}
	return strings.Join(servers, ", ")
}
