package synthetic

import (
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"bookledger/events"
	"bookledger/events/record"
)

// TimedEvent is one event of the history, and when it was recorded.
type TimedEvent struct {
	Recorded time.Time // UTC
	Event    events.Event
}

// AppendLine appends the item as a line of NDJSON, newline included.
func (i TimedEvent) AppendLine(dst []byte) ([]byte, error) {
	body, err := i.Event.Encode()
	if err != nil {
		return dst, err
	}
	dst = i.Recorded.AppendFormat(append(dst, `{"recorded":"`...), time.RFC3339Nano)
	dst = append(append(dst, `","subject":"`...), i.Event.Subject()...)
	dst = record.AppendMessage(append(dst, `",`...), body)
	return append(dst, '}', '\n'), nil
}

// eventID makes the id of the world's event with this sequence, in the form
// of a UUIDv7: a time in milliseconds, and the sequence in disguise. Different
// sequences give different ids.
func eventID(seed, sequence uint64, millis int64) string {
	x, s := mix(sequence^mix(seed)), mix(seed)
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(millis)<<16|7<<12|x>>52)
	binary.BigEndian.PutUint64(id[8:], 1<<63|x<<12>>2|s&3<<8|s>>2&0xff)
	return id.String()
}

// caseNumber is the end of a case's id: the job aid's case is the first, and
// the others are numbered on from it.
func caseNumber(i int) int {
	if i == 0 {
		return 32_500
	}
	return 40_000 + i
}

// caseID is the id of the case with index i, ten digits.
func caseID(i int) string { return strconv.Itoa(5_000_000_000 + caseNumber(i)) }

// memberID is the id of a case's member, ten digits that begin with zeros.
func memberID(i, member int) string { return zeroPad(caseNumber(i)*10+member+1, 10) }

func agentID(a int) string       { return "A" + strconv.Itoa(100_001+a) }
func agentPersonID(a int) string { return "P" + strconv.Itoa(100_001+a) }
func agencyID(g int) string      { return "G" + strconv.Itoa(200_001+g) }

// padded writes n with leading zeros to at least width digits.
func zeroPad(n, width int) string {
	digits := strconv.Itoa(n)
	return strings.Repeat("0", max(0, width-len(digits))) + digits
}
