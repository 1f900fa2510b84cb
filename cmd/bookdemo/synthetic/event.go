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

// TimedEvent is an event of the history with its recorded time.
type TimedEvent struct {
	Recorded time.Time // UTC
	Event    events.Event
}

// AppendLine appends the event as a line of NDJSON, including the newline.
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

// eventID returns the ID of the event with a sequence. It has the form of a UUIDv7
// and contains the time and the scrambled sequence, so that IDs are unique.
func eventID(seed, sequence uint64, millis int64) string {
	x, s := mix(sequence^mix(seed)), mix(seed)
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(millis)<<16|7<<12|x>>52)
	binary.BigEndian.PutUint64(id[8:], 1<<63|x<<12>>2|s&3<<8|s>>2&0xff)
	return id.String()
}

// caseNumber returns the last digits of a case ID. Case 0 is that of the job aid.
func caseNumber(i int) int {
	if i == 0 {
		return 32_500
	}
	return 40_000 + i
}

// caseID returns the ID of the case with index i: ten digits.
func caseID(i int) string { return strconv.Itoa(5_000_000_000 + caseNumber(i)) }

// memberID returns the ID of a member: ten digits with leading zeros.
func memberID(i, member int) string { return zeroPad(caseNumber(i)*10+member+1, 10) }

func agentID(a int) string       { return "A" + strconv.Itoa(100_001+a) }
func agentPersonID(a int) string { return "P" + strconv.Itoa(100_001+a) }
func agencyID(g int) string      { return "G" + strconv.Itoa(200_001+g) }

// zeroPad returns n with leading zeros, with at least width digits.
func zeroPad(n, width int) string {
	digits := strconv.Itoa(n)
	return strings.Repeat("0", max(0, width-len(digits))) + digits
}
