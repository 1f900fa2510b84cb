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

// The embedded server has three accounts. LEDGER owns the stream. Its only user is
// the journal's in-process connection, with a password that never leaves this
// process. Clients of the listener without a key are in OPEN and may publish.
// Clients with the reader's key are in READERS and may read. OPEN and READERS do
// not have JetStream; they reach LEDGER only through the services below.
//
// One account with permissions is not enough, because permissions restrict what a
// client publishes, but not what it makes the server publish. In a single account,
// a client could name ledger.clock or $JS.API.STREAM.DELETE.LEDGER as the reply
// subject of an event or of a request for a record. The server would publish its
// response there: the first forges a record, the second deletes the ledger. Across
// accounts, a response returns only to the client's own account.
//
// The server refuses a client that signs with a wrong key. It treats a client with
// credentials of another kind, which it does not know, as one without a key.
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

// publishPrefix is the prefix of the subjects in LEDGER that receive the events of
// clients. addSubjectMappings maps them to the stream's subjects.
const publishPrefix = "open.publish."

// readSubjects are the subjects on which a reader may send requests. Readers
// cannot create consumers: between accounts, the server treats an empty message
// as the end of a response and drops the messages after it.
var readSubjects = []string{"$JS.API.INFO", infoSubject, getSubject, directSubject}

// reservedSubjects returns the upstream subjects on which only bookledger may
// publish.
func reservedSubjects() []string {
	var list []string
	for _, subject := range events.UpstreamSubjects() {
		stem := strings.TrimSuffix(subject, "*")
		list = append(list, stem+events.SourceLedger, stem+events.SourcePortal)
	}
	return list
}

// startServer starts the embedded server and returns the options for connecting to
// the account LEDGER.
func (j *Journal) startServer() ([]nats.Option, error) {
	host, port, err := listenAddress(j.opts.Listen)
	if err != nil {
		return nil, err
	}
	if j.opts.Genesis == nil {
		// Without a genesis, Open must not create any files.
		if _, err := os.Stat(filepath.Join(j.opts.Dir, server.JetStreamStoreDir)); errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%w: the folder %s does not contain a journal", ErrNoLedger, j.opts.Dir)
		}
	}
	password := rand.Text()
	opts, err := serverOptions(password, j.opts.ReaderKey)
	if err != nil {
		return nil, err
	}
	opts.Host, opts.Port, opts.DontListen = host, port, true // until Accept
	opts.JetStream, opts.StoreDir = true, j.opts.Dir
	// An acknowledged message is on disk. The default is to sync every two
	// minutes.
	opts.SyncAlways = true
	// The limit of the stream decides when the journal is full; see
	// adjustMaxBytes.
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

// Accept starts to accept clients at Options.Listen. It does nothing if Listen is
// empty. Before Accept, only the caller can write, and can check that it opened
// the right journal.
func (j *Journal) Accept() error {
	if j.srv == nil || j.opts.Listen == "" {
		return nil
	}
	j.srv.AcceptLoop(make(chan struct{})) // returns when the server listens
	select {
	case why := <-j.fatal:
		return fmt.Errorf("accept clients of the journal at %s: %s", j.opts.Listen, why)
	default:
		return nil
	}
}

// serverOptions returns the server options with the three accounts. The parameter
// reader is the reader's public NKEY, or empty.
func serverOptions(password, reader string) (*server.Options, error) {
	var exports, publish, read []string
	for _, subject := range events.UpstreamSubjects() {
		exports = append(exports, fmt.Sprintf("{service: %q, accounts: [OPEN]}", publishPrefix+subject))
		publish = append(publish, fmt.Sprintf("{service: {account: LEDGER, subject: %q}, to: %q}", publishPrefix+subject, subject))
	}
	for _, subject := range readSubjects {
		answers := "singleton"
		if subject == directSubject {
			answers = "stream" // several messages, never empty, because each has a header
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

// addSubjectMappings maps events from OPEN to the stream's subjects, and events on
// reserved subjects to a subject that nobody reads. Permissions already refuse
// reserved subjects for a client's own messages. The mapping also covers messages
// that a client makes the server publish in OPEN. The first match applies.
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

// listenAddress splits Options.Listen into host and port. It returns an error
// unless the host is a loopback address.
func listenAddress(listen string) (host string, port int, err error) {
	if listen == "" {
		return "127.0.0.1", server.RANDOM_PORT, nil
	}
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("listen on %q: %w", listen, err)
	}
	if port, err = strconv.Atoi(text); err != nil || port < -1 || port > 65535 {
		return "", 0, fmt.Errorf("listen on %q: the port must be a number from 0 to 65535", listen)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	if host == "localhost" {
		host = "127.0.0.1" // independent of the resolver
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", 0, fmt.Errorf("listen on %q: the host must be a loopback address (127.0.0.1, ::1 or localhost), because anyone who can connect may publish; for other addresses, run a NATS server with accounts and use its URL", listen)
	}
	return host, port, nil
}

// plainPasswordWarning is a server warning that does not apply here: this process
// generates the password and never reveals it. The user for clients that do not
// sign in cannot have a hashed password.
const plainPasswordWarning = "Plaintext passwords detected"

// serverLog forwards the server's log. Debug and trace messages, which could
// contain bodies, are dropped.
type serverLog struct {
	log   *zap.SugaredLogger
	fatal chan string // receives the reason why the server could not start
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

// Fatalf reports the reason to Open or Accept. The server expects it to end the
// program, but it does not.
func (l serverLog) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
		l.log.Errorf("nats: "+format, v...)
	}
}
