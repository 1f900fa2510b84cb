package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// A pullGate leads clients' requests for records to their consumers. It has one
// subscription for each consumer that a client has made: who asks a consumer
// that is gone is told so by the server, since nobody listens. A single
// subscription for all would leave such a client waiting.
type pullGate struct {
	j *Journal

	mu   sync.Mutex
	subs map[string]*nats.Subscription // by the consumer's name
}

// deletedPrefix begins the subjects on which the server tells that a consumer
// was deleted, by whomever.
const deletedPrefix = "$JS.EVENT.ADVISORY.CONSUMER.DELETED." + Stream + "."

func (j *Journal) openPulls(ctx context.Context) error {
	j.pulls = &pullGate{j: j, subs: map[string]*nats.Subscription{}}
	_, err := j.nc.Subscribe(deletedPrefix+"*", func(msg *nats.Msg) {
		j.pulls.gone(strings.TrimPrefix(msg.Subject, deletedPrefix))
	})
	if err != nil {
		return fmt.Errorf("subscribe to deletions of consumers: %w", err)
	}
	// Clients' consumers do not outlive the server, but others may have come
	// with a stream that was restored from another server.
	ctx, cancel := j.bounded(ctx)
	defer cancel()
	stream, err := j.js.Stream(ctx, Stream)
	if err != nil {
		return fmt.Errorf("look up the stream's consumers: %w", err)
	}
	names := stream.ConsumerNames(ctx)
	for name := range names.Name() {
		j.pulls.settle(name)
	}
	return names.Err()
}

// gone closes the way to a consumer of which was told that it was deleted.
func (g *pullGate) gone(name string) {
	g.mu.Lock()
	open := g.subs[name] != nil
	g.mu.Unlock()
	if open {
		g.settle(name)
	}
}

// settle opens the way to a client's consumer that is there, and closes it to
// one that is gone. It asks which it is: a deletion may be told late, when there
// is another consumer of that name, or early, before its making was.
func (g *pullGate) settle(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	sub, there := g.subs[name], g.exists(name)
	switch {
	case there && sub == nil:
		sub, err := g.j.nc.Subscribe(pullPrefix+name, g.pass)
		if err != nil {
			g.failed("subscribe to clients' requests for records", err)
			return
		}
		g.subs[name] = sub
	case !there && sub != nil:
		delete(g.subs, name)
		if err := sub.Unsubscribe(); err != nil {
			g.failed("unsubscribe from clients' requests for records", err)
		}
	}
}

func (g *pullGate) exists(name string) bool {
	answer, err := g.j.nc.Request(apiPrefix+"INFO."+Stream+"."+name, nil, gateTimeout)
	if err != nil {
		g.failed("look up a client's consumer", err)
		return false
	}
	return consumerIn(answer.Data) != ""
}

// consumerIn returns the name of the consumer that an answer describes, or "".
func consumerIn(answer []byte) string {
	var got struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return ""
	}
	return got.Name
}

func (g *pullGate) failed(what string, err error) {
	if g.j.ctx.Err() == nil {
		g.j.log.Warn("journal: "+what, zap.Error(err))
	}
}

// pass passes a request for records on if they are to come to an inbox. On any
// other subject the server would publish them in LEDGER; and since clients may
// listen to inboxes alone, nobody misses them.
func (g *pullGate) pass(msg *nats.Msg) {
	if !strings.HasPrefix(msg.Reply, nats.InboxPrefix) || strings.ContainsAny(msg.Reply, "*>") {
		return
	}
	name := strings.TrimPrefix(msg.Subject, pullPrefix)
	if err := g.j.nc.PublishRequest(nextPrefix+name, msg.Reply, msg.Data); err != nil {
		g.failed("pass a client's request for records on", err)
	}
}
