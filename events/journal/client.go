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

// requestTimeout bounds one request where the caller's context does not.
const requestTimeout = 30 * time.Second

// connectTimeout bounds one try to connect to a server elsewhere. The client
// library's two seconds are short for a busy one.
const connectTimeout = 10 * time.Second

// A Server says where a NATS server is and as whom to connect to it.
type Server struct {
	// URL names the server, or several, separated by commas.
	URL string

	// Creds is the path of a credentials file; empty connects without. The
	// embedded server knows none and takes its bearer for anybody.
	Creds string

	// NKey is the path of the file with an NKEY's seed, which is signed in with
	// or refused; empty connects without. It excludes Creds.
	NKey string
}

// A Client is a connection to a server with a journal on it. It may do what the
// server permits: at the listener of an embedded server append upstream and
// history events without a key, and read with the reader's. What the server does
// not permit returns ErrForbidden. Its methods may be called from several
// goroutines at once.
type Client struct {
	server Server
	log    *zap.Logger
	nc     *nats.Conn
	js     jetstream.JetStream

	ctx  context.Context // ends when Close begins
	stop context.CancelCauseFunc

	mu           sync.Mutex
	pending      map[*pendingRequest]struct{}
	connected    context.Context // ends when the present connection is lost
	disconnected context.CancelFunc
	closing      sync.Once
}

// Connect connects to a server without asking anything of it.
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
		// What is published while the connection is away fails at once: half a
		// batch sent later would be refused anyway.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { c.connectionLost(err) }),
		nats.ReconnectHandler(func(*nats.Conn) { c.log.Info("journal: connected again") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			c.log.Warn("journal: connection reports an error", zap.Error(err))
			if errors.Is(err, nats.ErrPermissionViolation) {
				c.permissionDenied(err)
			}
		}),
	}, account...)
	if c.server.Creds != "" && c.server.NKey != "" {
		return errors.New("credentials and an NKEY are both given, and one can sign in")
	}
	if c.server.Creds != "" {
		options = append(options, nats.UserCredentials(c.server.Creds))
	}
	if c.server.NKey != "" {
		key, err := nats.NkeyOptionFromSeed(c.server.NKey)
		if err != nil {
			return fmt.Errorf("%s holds no NKEY seed: %w", c.server.NKey, err)
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

// connectionLost wakes everyone who waits, since no answer comes on a connection
// that was lost, and a consumer may be gone with it.
func (c *Client) connectionLost(err error) {
	c.mu.Lock()
	c.disconnected()
	c.connected, c.disconnected = context.WithCancel(context.Background())
	c.mu.Unlock()
	if c.ctx.Err() == nil {
		c.log.Warn("journal: connection lost", zap.Error(err))
	}
}

// connection ends when the connection that is there now is lost.
func (c *Client) connection() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.connected
}

// withTimeout gives a request a deadline of its own, and ends it with the client
// and when the connection is lost.
func (c *Client) withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	closed := context.AfterFunc(c.ctx, cancel)
	lost := context.AfterFunc(c.connection(), cancel)
	return ctx, func() { closed(); lost(); cancel() }
}

// A pendingRequest waits for its answer.
type pendingRequest struct {
	subjects []string
	cancel   context.CancelCauseFunc
}

// addPending notes that something was published on the subjects until settled is
// called. The server does not answer what a client may not publish, but says
// so to the connection as a whole: that ends ctx with ErrForbidden.
func (c *Client) addPending(ctx context.Context, subjects ...string) (_ context.Context, settled func()) {
	ctx, forbid := context.WithCancelCause(ctx)
	p := &pendingRequest{subjects, forbid}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending[p] = struct{}{}
	return ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.pending, p)
		forbid(nil)
	}
}

// permissionDenied ends the requests that a violation of permissions is about.
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

// requestError says why a request under ctx came to nothing: what the server does not
// permit, what Close cut short, and what can be asked again since the
// connection was.
func (c *Client) requestError(ctx context.Context, err error) error {
	if why := context.Cause(ctx); errors.Is(why, ErrForbidden) {
		return why
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

// Close lets appends that were sent get their answer, and disconnects.
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
			c.nc.Close() // while reconnecting there is nothing to drain
			return
		}
		select {
		case <-closed:
		case <-time.After(requestTimeout):
			c.nc.Close()
			err = errors.New("drain the connection to the journal: timed out")
		}
	})
	return err
}

// publicURL takes from the URLs of servers what is nobody's to see.
func publicURL(list string) string {
	var servers []string
	for server := range strings.SplitSeq(list, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		if err != nil {
			return "a URL that cannot be read"
		}
		u.User = nil
		servers = append(servers, u.String())
	}
	return strings.Join(servers, ", ")
}
