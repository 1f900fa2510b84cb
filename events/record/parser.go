package record

import (
	"bytes"

	"bookledger/events"
)

// Parser reads lines and checks their events, one after the other. It is a
// Checker that keeps what lines repeat; use one for each goroutine. The zero
// Parser is ready.
type Parser struct {
	events.Checker
	subjects map[string]string // those of lines before
}

// Parse reads one line as ParseLine does, and checks its event as Check does on
// the line's subject. The body may be a part of text, which then must stay as
// it is.
func (p *Parser) Parse(text []byte) (Line, events.Checked, error) {
	if l, ok := p.parseWritten(text); ok {
		// Where the check takes the event, it is valid JSON, and so is the line.
		if checked := p.Check(l.Subject, l.Body); checked.Envelope == nil {
			return l, checked, nil
		}
	}
	l, err := ParseLine(text)
	if err != nil {
		return l, events.Checked{}, err
	}
	return l, p.Check(l.Subject, l.Body), nil
}

// parseWritten reads a line as AppendLine writes it, with an event that is yet
// to be seen to be valid. Of any other line it says nothing.
func (p *Parser) parseWritten(text []byte) (l Line, ok bool) {
	w := written{bytes.TrimSuffix(text, []byte("\n"))}
	if !w.cut(`{`) || w.cut(`"seq":`) && !w.number(&l.Seq) {
		return l, false
	}
	var stamped []byte
	if w.cut(`"stamped":"`) {
		if stamped, ok = w.text(); !ok {
			return l, false
		}
		var err error
		if l.Stamped, err = events.ParseTime(string(stamped)); err != nil {
			return l, false
		}
	}
	if w.cut(`"recorded":"`) {
		recorded, ok := w.text()
		if l.Recorded = l.Stamped; stamped == nil || !bytes.Equal(recorded, stamped) {
			var err error
			l.Recorded, err = events.ParseTime(string(recorded))
			ok = ok && err == nil
		}
		if !ok {
			return l, false
		}
	}
	if w.cut(`"subject":"`) {
		subject, ok := w.text()
		if !ok {
			return l, false
		}
		l.Subject = p.subject(subject)
	}
	if w.cut(`"header":"`) {
		header, ok := w.text()
		if !ok {
			return l, false
		}
		l.Header = string(header)
	}
	l.Body, ok = w.event()
	return l, ok
}

// maxSubjects is how many subjects are kept: a ledger has a handful.
const maxSubjects = 100

func (p *Parser) subject(text []byte) string {
	if s, ok := p.subjects[string(text)]; ok {
		return s
	}
	s := string(text)
	if p.subjects == nil {
		p.subjects = map[string]string{}
	}
	if len(p.subjects) < maxSubjects {
		p.subjects[s] = s
	}
	return s
}

// written is what is left of a line.
type written struct{ rest []byte }

// cut cuts off what comes next, if it is that.
func (w *written) cut(next string) bool {
	if len(w.rest) < len(next) || string(w.rest[:len(next)]) != next {
		return false
	}
	w.rest = w.rest[len(next):]
	return true
}

// number reads a number and the comma after it.
func (w *written) number(n *uint64) bool {
	i := 0
	for i < len(w.rest) && w.rest[i] >= '0' && w.rest[i] <= '9' {
		*n = *n*10 + uint64(w.rest[i]-'0')
		i++
	}
	if i == 0 || i > 19 || i > 1 && w.rest[0] == '0' { // 20 digits may be too many
		return false
	}
	w.rest = w.rest[i:]
	return w.cut(",")
}

// text reads plain text until the quote, and the comma after it.
func (w *written) text() ([]byte, bool) {
	for i, c := range w.rest {
		switch {
		case c == '"':
			text := w.rest[:i]
			w.rest = w.rest[i+1:]
			return text, w.cut(",")
		case c < 0x20 || c >= 0x7f || c == '\\':
			return nil, false
		}
	}
	return nil, false
}

// event reads the event, from brace to brace, that ends the line. A long one is
// left to others, since it may nest so deep that the line cannot be read.
func (w *written) event() ([]byte, bool) {
	if !w.cut(`"event":`) || len(w.rest) < 3 || len(w.rest) > maxDepth {
		return nil, false
	}
	end := len(w.rest) - 1
	if w.rest[0] != '{' || w.rest[end-1] != '}' || w.rest[end] != '}' {
		return nil, false
	}
	return w.rest[:end:end], true
}
