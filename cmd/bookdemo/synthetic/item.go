package synthetic

import (
	"encoding/hex"
	"strconv"
	"time"

	"bookledger/events"
	"bookledger/events/record"
)

// Item is one event of the history, and when it was recorded.
type Item struct {
	Recorded time.Time // UTC
	Event    events.Event
}

// Subject is the subject on which the event was published.
func (i Item) Subject() string { return i.Event.Subject() }

// Body is the event as a CloudEvents message.
func (i Item) Body() ([]byte, error) { return i.Event.Encode() }

// AppendLine appends the item as a line of NDJSON, newline included.
func (i Item) AppendLine(dst []byte) ([]byte, error) {
	body, err := i.Body()
	if err != nil {
		return dst, err
	}
	dst = i.Recorded.UTC().AppendFormat(append(dst, `{"recorded":"`...), time.RFC3339Nano)
	dst = append(append(dst, `","subject":"`...), i.Subject()...)
	dst = record.AppendMessage(append(dst, `",`...), body)
	return append(dst, '}', '\n'), nil
}

// eventID makes the id of the world's event with this sequence, in the form
// of a UUIDv7: a time in milliseconds, and the sequence in disguise. Different
// sequences give different ids.
func eventID(seed, sequence uint64, millis int64) string {
	x := mix(sequence ^ mix(seed))
	var id [16]byte
	for i := range 6 {
		id[i] = byte(millis >> (40 - 8*i))
	}
	id[6] = 0x70 | byte(x>>60)
	id[7] = byte(x >> 52)
	id[8] = 0x80 | byte(x>>46)&0x3f
	id[9] = byte(x >> 38)
	id[10] = byte(x >> 30)
	id[11] = byte(x >> 22)
	id[12] = byte(x >> 14)
	id[13] = byte(x >> 6)
	id[14] = byte(x<<2) | byte(mix(seed)&3)
	id[15] = byte(mix(seed) >> 2)
	var text [36]byte
	hex.Encode(text[0:8], id[0:4])
	text[8] = '-'
	hex.Encode(text[9:13], id[4:6])
	text[13] = '-'
	hex.Encode(text[14:18], id[6:8])
	text[18] = '-'
	hex.Encode(text[19:23], id[8:10])
	text[23] = '-'
	hex.Encode(text[24:36], id[10:16])
	return string(text[:])
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
func caseID(i int) string { return strconv.FormatInt(5_000_000_000+int64(caseNumber(i)), 10) }

// memberID is the id of a case's member, ten digits that begin with zeros.
func memberID(i, member int) string { return padded(caseNumber(i)*10+member+1, 10) }

// enrollmentID is the id of the choice-th enrollment of a case in a year.
func enrollmentID(i, year, kind, choice int) string {
	return padded(year%100, 2) + padded(caseNumber(i), 8) + strconv.Itoa(kind) + padded(choice, 3)
}

func agentID(a int) string       { return "A" + strconv.Itoa(100_001+a) }
func agentPersonID(a int) string { return "P" + strconv.Itoa(100_001+a) }
func agencyID(g int) string      { return "G" + strconv.Itoa(200_001+g) }
func staffPersonID(n int) string { return "P" + strconv.Itoa(500_001+n) }
