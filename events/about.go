package events

// CaseOf returns the case that a message is about: the one of its data or,
// where that was not taken, the one that the message names all the same, so
// that a case's history also holds what was refused. It is "" where no case
// can be made out.
func CaseOf(c *Checked, body []byte) string {
	if c.Event.Data != nil {
		if d, ok := c.Event.Data.(OfCase); ok {
			return d.Case()
		}
		return ""
	}
	quoted := memberOf(memberOf(body, `"data"`), `"case_id"`)
	if n := len(quoted); n < 2 || quoted[0] != '"' || quoted[n-1] != '"' {
		return ""
	}
	if id := string(quoted[1 : len(quoted)-1]); IsIdentifier(id) {
		return id
	}
	return ""
}

// memberOf returns a member of an object, which need not be valid; nil where
// there is none.
func memberOf(object []byte, quoted string) []byte {
	w := walker{in: object}
	if !w.open('{') {
		return nil
	}
	for name, value := w.member(); name != nil; name, value = w.member() {
		if string(name) == quoted {
			return value
		}
	}
	return nil
}
