package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// The gate checks what unauthenticated clients ask of the embedded server and
// what permissions on subjects cannot tell: a consumer's configuration stands
// in the request's body.
const (
	// ownConsumers begins the names of the journal's own consumers, which
	// clients may neither replace nor delete.
	ownConsumers = "bookledger-"
	// openConsumers is how many consumers the stream may have when a client
	// asks for one more.
	openConsumers = 500
	// openIdle is the longest that a client's consumer stays unused.
	openIdle = time.Hour
	// openRequest is the longest request that is read.
	openRequest = 64 << 10
)

// openGate opens the gate, on a connection of its own: the server cuts one off
// over which more comes than it can take in, and clients can see to that.
func (j *Journal) openGate(ctx context.Context, account []nats.Option) (err error) {
	j.pulls = &pullGate{j: j, subs: map[string]*nats.Subscription{}}
	j.gate, err = nats.Connect("", append([]nats.Option{
		nats.Name("bookledger gate"), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond), nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { j.pulls.failed("clients' requests were cut off", err) }),
		nats.ReconnectHandler(func(*nats.Conn) { j.pulls.settleAll() }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { j.pulls.failed("clients' requests", err) }),
	}, account...)...)
	if err != nil {
		return fmt.Errorf("connecting the gate: %w", err)
	}
	if err := j.pulls.open(ctx); err != nil {
		return err
	}
	if _, err := j.gate.Subscribe(gatePrefix+">", j.pass); err != nil {
		return fmt.Errorf("subscribe to clients' requests: %w", err)
	}
	return j.gate.Flush()
}

// consumerRequest is what a client may ask for; whatever else its request
// holds is not passed on.
type consumerRequest struct {
	Stream string                   `json:"stream_name"`
	Config jetstream.ConsumerConfig `json:"config"`
	Action string                   `json:"action,omitempty"`
}

// gateTimeout bounds one request, since all clients' wait for it.
const gateTimeout = 5 * time.Second

// pass checks one request and passes it on, or answers why not.
func (j *Journal) pass(msg *nats.Msg) {
	name := strings.TrimPrefix(msg.Subject, gatePrefix)
	body, refusal := msg.Data, (*jetstream.APIError)(nil)
	deleted := ""
	if strings.HasPrefix(name, "DELETE.") {
		deleted = name[strings.LastIndexByte(name, '.')+1:]
		refusal = checkName(deleted)
	} else {
		body, refusal = j.checkConsumer(name, msg.Data)
	}
	var answer []byte
	if refusal != nil {
		answer, _ = json.Marshal(map[string]any{"type": "io.nats.jetstream.api.v1.consumer_create_response", "error": refusal})
	} else {
		forwarded, err := j.gate.Request(apiPrefix+name, body, gateTimeout)
		if err != nil {
			j.log.Warn("journal: pass a client's request on", zap.Error(err))
			return
		}
		answer = forwarded.Data
		// Before the answer, after which the client may ask for records.
		if made := consumerIn(answer); made != "" {
			j.pulls.settle(made, true)
		}
		j.pulls.gone(deleted)
	}
	if msg.Reply == "" {
		return
	}
	if err := msg.Respond(answer); err != nil && j.ctx.Err() == nil {
		j.log.Warn("journal: answer a client's request", zap.Error(err))
	}
}

// checkConsumer returns the request to pass on. It is written anew from what
// was understood, so that nothing can be read differently by the server.
func (j *Journal) checkConsumer(name string, data []byte) ([]byte, *jetstream.APIError) {
	var req consumerRequest
	if len(data) > openRequest {
		return nil, refuse("the request is over %d bytes", openRequest)
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&req); err != nil {
		return nil, refuse("the request is not a consumer's configuration")
	}
	c := &req.Config
	switch {
	case req.Stream != Stream:
		return nil, refuse("the stream is not %s", Stream)
	case c.DeliverSubject != "" || c.DeliverGroup != "":
		return nil, refuse("clients without an account may create pull consumers only, without a deliver subject")
	}
	// The name may stand in the subject, as a token after the stream's, and in
	// two fields; each counts.
	names := append(strings.Split(name, "."), c.Name, c.Durable)
	for _, n := range names {
		if refusal := checkName(n); refusal != nil {
			return nil, refusal
		}
	}
	if c.InactiveThreshold <= 0 && c.Durable != "" || c.InactiveThreshold > openIdle {
		c.InactiveThreshold = openIdle
	}
	c.MemoryStorage, c.Replicas = true, 1
	if c.MaxRequestBatch <= 0 || c.MaxRequestBatch > pullBatch {
		c.MaxRequestBatch = pullBatch
	}
	if info, err := j.info(j.ctx); err != nil || info.State.Consumers >= openConsumers {
		return nil, &jetstream.APIError{Code: 400, ErrorCode: codeTooManyConsumers, Description: "too many consumers: delete some or wait until idle ones expire"}
	}
	body, err := json.Marshal(req)
	if err != nil {
		return nil, refuse("the configuration cannot be passed on")
	}
	return body, nil
}

// checkName refuses the names of the journal's own consumers.
func checkName(name string) *jetstream.APIError {
	if strings.HasPrefix(name, ownConsumers) {
		return refuse("consumers named %s… are the ledger's own", ownConsumers)
	}
	return nil
}

func refuse(format string, args ...any) *jetstream.APIError {
	return &jetstream.APIError{Code: 400, ErrorCode: codeConsumerInvalid, Description: fmt.Sprintf(format, args...)}
}
