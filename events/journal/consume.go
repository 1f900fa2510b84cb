package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// A pull consumer is asked for pullBatch records at a time, and for pullAhead
// at most that have not come yet. More than pullBatch at a time is refused to
// clients without an account: one small request must not have the server send
// the whole journal, to an inbox that may be another client's.
const (
	pullBatch = 1000
	pullAhead = 16 * pullBatch
)

// pullExpires is how long the server waits for records that were asked for.
const pullExpires = 30 * time.Second

// A consumer is the server's end of one Follow. On the embedded server it is a
// push consumer: nothing is asked for, so that no client can ask it away, and
// flow control bounds what is under way. On an external server it is a pull
// consumer, which also one who may only read can have (the listener of another
// process's embedded server, for one, where push consumers are refused).
type consumer struct {
	nc   *nats.Conn
	sub  *nats.Subscription
	name string
	pull bool
	due  int // pull: records that were taken or not sent, and not asked for again
}

// consume makes the consumer that begins at first and leads it into in.
func (j *Journal) consume(ctx context.Context, first uint64, in *inflow) (*consumer, error) {
	c := &consumer{nc: j.nc, name: ownConsumers + nuid.Next()}
	if j.srv == nil {
		c.pull, c.name, c.due = true, "reader-"+nuid.Next(), pullAhead
	}
	var err error
	if c.sub, err = j.nc.Subscribe(j.nc.NewInbox(), in.receive); err != nil {
		return nil, fmt.Errorf("subscribe: %w", j.closedOr(err))
	}
	if err := c.sub.SetPendingLimits(-1, -1); err != nil {
		c.stop()
		return nil, err
	}
	if err := j.createConsumer(ctx, c, first); err != nil {
		c.stop()
		return nil, fmt.Errorf("create consumer: %w", j.closedOr(err))
	}
	if err := c.taken(0); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

// stop ends the deliveries. Deleting the consumer is a courtesy, and goes
// unanswered: the server drops it anyway when it has been idle.
func (c *consumer) stop() {
	c.sub.Unsubscribe()
	if c.nc.IsConnected() {
		c.nc.Publish("$JS.API.CONSUMER.DELETE."+Stream+"."+c.name, nil)
	}
}

// taken lets the server send n more, where it waits to be asked.
func (c *consumer) taken(n int) error {
	if c == nil || !c.pull {
		return nil
	}
	body := fmt.Appendf(nil, `{"batch":%d,"expires":%d,"idle_heartbeat":%d}`, pullBatch, pullExpires, heartbeat)
	for c.due += n; c.due >= pullBatch; c.due -= pullBatch {
		if err := c.nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+Stream+"."+c.name, c.sub.Subject, body); err != nil {
			return fmt.Errorf("%w: ask for records: %w", ErrReconnected, err)
		}
	}
	return nil
}

func (j *Journal) createConsumer(ctx context.Context, c *consumer, first uint64) error {
	config := jetstream.ConsumerConfig{
		Name:              c.name,
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       first,
		AckPolicy:         jetstream.AckNonePolicy,
		MaxDeliver:        1,
		ReplayPolicy:      jetstream.ReplayInstantPolicy,
		InactiveThreshold: 5 * time.Minute,
		MemoryStorage:     true,
		Replicas:          1,
	}
	if !c.pull {
		config.DeliverSubject, config.IdleHeartbeat, config.FlowControl = c.sub.Subject, heartbeat, true
	}
	body, err := json.Marshal(consumerRequest{Stream: Stream, Action: "create", Config: config})
	if err != nil {
		return err
	}
	ctx, cancel := j.bounded(ctx)
	defer cancel()
	answer, err := j.nc.RequestWithContext(ctx, "$JS.API.CONSUMER.CREATE."+Stream+"."+c.name, body)
	if err != nil {
		return err
	}
	var got struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &got); err != nil {
		return fmt.Errorf("unreadable answer: %w", err)
	}
	if got.Error != nil {
		return got.Error
	}
	return nil
}

// ackPrefix begins the reply subject of a record.
const ackPrefix = "$JS.ACK."

// position reads sequence and stamp from a delivery's reply subject, which has
// 9 tokens,
//
//	$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<stamp>.<pending>
//
// or, in its second form, two more before the stream (domain and account).
func position(reply string) (seq uint64, stamped time.Time, err error) {
	var dots [12]int
	n := 0
	for i := 0; i < len(reply) && n < len(dots); i++ {
		if reply[i] == '.' {
			dots[n] = i
			n++
		}
	}
	base := 4 // the dot before the stream sequence
	if n > 8 {
		base += 2
	}
	if n < 8 || n == 9 || !strings.HasPrefix(reply, ackPrefix) {
		return 0, time.Time{}, fmt.Errorf("a delivery has an unknown reply subject %q", reply)
	}
	seq, err1 := strconv.ParseUint(reply[dots[base]+1:dots[base+1]], 10, 64)
	nanos, err2 := strconv.ParseInt(reply[dots[base+2]+1:dots[base+3]], 10, 64)
	if err1 != nil || err2 != nil || seq == 0 {
		return 0, time.Time{}, fmt.Errorf("a delivery has an unreadable reply subject %q", reply)
	}
	return seq, time.Unix(0, nanos).UTC(), nil
}
