package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
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

// pullRequest is the longest request for records that is passed on.
const pullRequest = 4 << 10

// deletedPrefix begins the subjects on which the server tells that a consumer
// was deleted, by whomever.
const deletedPrefix = "$JS.EVENT.ADVISORY.CONSUMER.DELETED." + Stream + "."

// open listens to deletions, and opens the ways to consumers that are there:
// clients' do not outlive the server, but others may have come with a stream that
// was restored from another.
func (g *pullGate) open(ctx context.Context) error {
	_, err := g.j.gate.Subscribe(deletedPrefix+"*", func(msg *nats.Msg) {
		g.gone(strings.TrimPrefix(msg.Subject, deletedPrefix))
	})
	if err != nil {
		return fmt.Errorf("subscribe to deletions of consumers: %w", err)
	}
	return g.settleThose(ctx)
}

// settleAll settles all when the connection was away: what was told of
// deletions meanwhile is lost.
func (g *pullGate) settleAll() {
	if err := g.settleThose(g.j.ctx); err != nil {
		g.failed("look up clients' consumers", err)
	}
}

func (g *pullGate) settleThose(ctx context.Context) error {
	ctx, cancel := g.j.bounded(ctx)
	defer cancel()
	stream, err := g.j.js.Stream(ctx, Stream)
	if err != nil {
		return fmt.Errorf("look up the stream's consumers: %w", err)
	}
	names := stream.ConsumerNames(ctx)
	there := map[string]bool{}
	for name := range names.Name() {
		there[name] = true
		g.settle(name, true)
	}
	if names.Err() != nil {
		return names.Err()
	}
	g.mu.Lock()
	ways := slices.Collect(maps.Keys(g.subs))
	g.mu.Unlock()
	for _, name := range ways {
		if !there[name] {
			g.settle(name, false)
		}
	}
	return nil
}

// gone closes the way to a consumer of which was told that it was deleted.
func (g *pullGate) gone(name string) {
	g.mu.Lock()
	open := g.subs[name] != nil
	g.mu.Unlock()
	if open {
		g.settle(name, true)
	}
}

// settle opens the way to a client's consumer that is there, and closes it to
// one that is gone. It asks which it is: a deletion may be told late, when there
// is another consumer of that name, or early, before its making was. Where the
// server does not say, it is as the caller believes.
func (g *pullGate) settle(name string, believed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	there, err := g.exists(name)
	if err != nil {
		g.failed("look up a client's consumer", err)
		there = believed
	}
	sub := g.subs[name]
	switch {
	case there && sub == nil:
		sub, err := g.j.gate.Subscribe(pullPrefix+name, g.pass)
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

func (g *pullGate) exists(name string) (bool, error) {
	answer, err := g.j.gate.Request(apiPrefix+"INFO."+Stream+"."+name, nil, gateTimeout)
	if err != nil {
		return false, err
	}
	return consumerIn(answer.Data) != "", nil
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
// listen to inboxes alone, nobody misses them. No client asks in so many bytes
// as are dropped here.
func (g *pullGate) pass(msg *nats.Msg) {
	if len(msg.Data) > pullRequest || !strings.HasPrefix(msg.Reply, nats.InboxPrefix) || strings.ContainsAny(msg.Reply, "*>") {
		return
	}
	name := strings.TrimPrefix(msg.Subject, pullPrefix)
	if err := g.j.gate.PublishRequest(nextPrefix+name, msg.Reply, msg.Data); err != nil {
		g.failed("pass a client's request for records on", err)
	}
}
