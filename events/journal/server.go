package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"bookledger/events"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// The embedded server has three accounts. LEDGER owns the stream, and only the
// journal's own in-process connection is in it, with a password that exists in
// this process alone. Who comes by the listener without a key is in OPEN, and
// may publish; who has the reader's key is in READERS, and may read. Neither
// account has JetStream: they reach LEDGER through the services below and
// nothing else.
//
// A single account with permissions would not do, since permissions bind what
// a client publishes and not what it makes the server publish. In one account
// a client can name ledger.clock, or $JS.API.STREAM.DELETE.LEDGER, as the
// reply subject of an event or of a request for a record, and the server
// publishes its answer there: the first forges a record, the second deletes the
// ledger. Across accounts an answer comes back into the client's own alone.
//
// A key is a signature: a wrong one is refused. Users with credentials of other
// kinds, which the server does not know, would be taken for those without.
const serverConfig = `
server_name: bookledger
accounts {
  LEDGER {
    jetstream: enabled
    users: [ { user: bookledger, password: %[1]q } ]
    exports: [ %[2]s ]
  }
  OPEN {
    users: [ { user: open, password: %[1]q, permissions: {
      publish: { allow: [ %[3]s ], deny: [ %[4]s ] }
      subscribe: { allow: [ "_INBOX.>" ] }
    } } ]
    imports: [ %[5]s ]
  }
  READERS {
    users: [ %[6]s ]
    imports: [ %[7]s ]
  }
}
no_auth_user: open
`

// publishPrefix begins the subjects in LEDGER to which the events lead that
// clients publish, and from which mapPublishing leads them on.
const publishPrefix = "open.publish."

// readSubjects lists all that a reader may ask. A consumer is not among it: the
// server takes an empty message for the end of an answer that has several, and
// drops what follows it.
var readSubjects = []string{"$JS.API.INFO", infoSubject, getSubject, directSubject}

// reservedSubjects are those among the upstream subjects that only bookledger
// may write.
func reservedSubjects() []string {
	var list []string
	for _, subject := range events.UpstreamSubjects() {
		stem := strings.TrimSuffix(subject, "*")
		list = append(list, stem+events.SourceLedger, stem+events.SourcePortal)
	}
	return list
}

// startServer runs the embedded server and returns how to connect to it as
// the owner of LEDGER.
func (j *Journal) startServer() ([]nats.Option, error) {
	host, port, err := listenAddress(j.opts.Listen)
	if err != nil {
		return nil, err
	}
	if j.opts.Genesis == nil {
		// Nothing is made on the disk where nothing is.
		if _, err := os.Stat(filepath.Join(j.opts.Dir, server.JetStreamStoreDir)); errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%w: the folder %s holds no journal", ErrNoLedger, j.opts.Dir)
		}
	}
	password := rand.Text()
	opts, err := serverOptions(password, j.opts.ReaderKey)
	if err != nil {
		return nil, err
	}
	opts.Host, opts.Port, opts.DontListen = host, port, true // until Accept
	opts.JetStream, opts.StoreDir = true, j.opts.Dir
	// Acknowledged means on disk. The default would sync every two minutes.
	opts.SyncAlways = true
	// The stream's own bound decides when the journal is full, see disk.go.
	opts.JetStreamMaxStore = 1 << 60
	opts.MaxPayload = events.MaxMessage
	opts.NoSigs = true
	if j.srv, err = server.NewServer(opts); err != nil {
		return nil, fmt.Errorf("set up the embedded server: %w", err)
	}
	log := serverLog{j.log.Sugar(), j.fatal}
	j.srv.SetLoggerV2(log, false, false, false)
	j.srv.Start()
	ready := make(chan bool, 1)
	go func() { ready <- j.srv.ReadyForConnections(requestTimeout) }()
	select {
	case why := <-log.fatal:
		return nil, fmt.Errorf("start the embedded server: %s", why)
	case ok := <-ready:
		if !ok || !j.srv.JetStreamEnabled() {
			return nil, fmt.Errorf("start the embedded server: not ready after %v", requestTimeout)
		}
	}
	return []nats.Option{nats.InProcessServer(j.srv), nats.Timeout(requestTimeout), nats.UserInfo("bookledger", password)}, nil
}

// Accept lets clients connect at Options.Listen; where none was given it does
// nothing. Until then nobody but the caller can write, who may want to see first
// whether the journal is the right one.
func (j *Journal) Accept() error {
	if j.srv == nil || j.opts.Listen == "" {
		return nil
	}
	j.srv.AcceptLoop(make(chan struct{})) // returns when it listens
	select {
	case why := <-j.fatal:
		return fmt.Errorf("accept clients of the journal at %s: %s", j.opts.Listen, why)
	default:
		return nil
	}
}

// serverOptions builds the accounts from the subjects that clients may use.
func serverOptions(password, reader string) (*server.Options, error) {
	var exports, publish, read []string
	for _, subject := range events.UpstreamSubjects() {
		exports = append(exports, fmt.Sprintf("{service: %q, accounts: [OPEN]}", publishPrefix+subject))
		publish = append(publish, fmt.Sprintf("{service: {account: LEDGER, subject: %q}, to: %q}", publishPrefix+subject, subject))
	}
	for _, subject := range readSubjects {
		answers := "singleton"
		if subject == directSubject {
			answers = "stream" // several, none of them empty, since each has a header
		}
		exports = append(exports, fmt.Sprintf("{service: %q, response: %s, accounts: [READERS]}", subject, answers))
		read = append(read, fmt.Sprintf("{service: {account: LEDGER, subject: %q}}", subject))
	}
	quoted := func(list []string) string { return `"` + strings.Join(list, `", "`) + `"` }
	readers := ""
	if reader != "" {
		readers = fmt.Sprintf("{ nkey: %q, permissions: { publish: [ %s ], subscribe: [ %q ] } }", reader, quoted(readSubjects), "_INBOX.>")
	}
	opts := &server.Options{}
	text := fmt.Sprintf(serverConfig, password, strings.Join(exports, ", "), quoted(events.UpstreamSubjects()), quoted(reservedSubjects()),
		strings.Join(publish, ", "), readers, strings.Join(read, ", "))
	if err := opts.ProcessConfigString(text); err != nil {
		return nil, fmt.Errorf("configure the embedded server: %w", err)
	}
	for _, account := range opts.Accounts {
		if account.Name == "LEDGER" {
			if err := addSubjectMappings(account); err != nil {
				return nil, fmt.Errorf("configure the embedded server: %w", err)
			}
		}
	}
	return opts, nil
}

// addSubjectMappings leads what OPEN publishes to the stream's subjects, but the
// reserved ones nowhere. The permissions say the same to the client's face;
// the mapping also holds for what a client makes the server publish in OPEN.
// The first mapping that matches counts.
func addSubjectMappings(ledger *server.Account) error {
	for _, subject := range reservedSubjects() {
		if err := ledger.AddMapping(publishPrefix+subject, "open.refused"); err != nil {
			return fmt.Errorf("map %s: %w", subject, err)
		}
	}
	for _, subject := range events.UpstreamSubjects() {
		stored := strings.ReplaceAll(subject, "*", "$1")
		if err := ledger.AddMapping(publishPrefix+subject, stored); err != nil {
			return fmt.Errorf("map %s: %w", subject, err)
		}
	}
	return nil
}

// listenAddress parts Options.Listen and refuses what is not this machine alone.
func listenAddress(listen string) (host string, port int, err error) {
	if listen == "" {
		return "127.0.0.1", server.RANDOM_PORT, nil
	}
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("listen on %q: %w", listen, err)
	}
	if port, err = strconv.Atoi(text); err != nil || port < -1 || port > 65535 {
		return "", 0, fmt.Errorf("listen on %q: the port is not a number up to 65535", listen)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	if host == "localhost" {
		host = "127.0.0.1" // whatever the resolver says
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", 0, fmt.Errorf("listen on %q: only loopback addresses (127.0.0.1, ::1, localhost), since whoever can connect may publish; for others run a NATS server with accounts and give its URL", listen)
	}
	return host, port, nil
}

// plainPasswordWarning is a warning that does not concern a password which this very
// process has made and nobody else can learn; the user of those who do not
// sign in cannot have a hashed one.
const plainPasswordWarning = "Plaintext passwords detected"

// serverLog passes the server's own log on; its traces, which could show
// bodies, are never on.
type serverLog struct {
	log   *zap.SugaredLogger
	fatal chan string // takes why the server could not start
}

func (l serverLog) Noticef(format string, v ...any) { l.log.Debugf("nats: "+format, v...) }
func (l serverLog) Errorf(format string, v ...any)  { l.log.Errorf("nats: "+format, v...) }
func (l serverLog) Debugf(string, ...any)           {}
func (l serverLog) Tracef(string, ...any)           {}

func (l serverLog) Warnf(format string, v ...any) {
	if !strings.HasPrefix(format, plainPasswordWarning) {
		l.log.Warnf("nats: "+format, v...)
	}
}

// Fatalf does not end the program, as the server expects: whoever opens the
// journal is told.
func (l serverLog) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
		l.log.Errorf("nats: "+format, v...)
	}
}
