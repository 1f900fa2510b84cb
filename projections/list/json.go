package list

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
)

// encoding keeps the published form of an item, once it was asked for.
type encoding struct {
	of atomic.Pointer[encoded]
}

type encoded struct {
	years int // how many of the entry's years are shown in it
	json  []byte
}

// json returns the published form of an item without its agent, as it stands
// in a list for a Friday of calendar year current.
func (it *item) json(current int) []byte {
	years := len(it.shownYears(current))
	if have := it.of.Load(); have != nil && have.years == years {
		return have.json
	}
	b, err := json.Marshal(it.Shown(current))
	if err != nil {
		panic(fmt.Sprintf("an entry of texts, dates and numbers was not encoded: %v", err)) // a fault of this package
	}
	it.of.Store(&encoded{years, b})
	return b
}

// PageJSON returns what Page returns as a JSON array, how many entries are in
// it, and how many match in all. What was asked for before is not encoded
// again.
func (l *List) PageJSON(q Query, current int) (page []byte, listed, total int) {
	items, total := l.find(q, current)
	texts, size := make([][]byte, len(items)), 2
	agents := map[string][]byte{} // the last member and the end of an entry that names its agent
	for i, it := range items {
		texts[i] = it.json(current)
		size += len(texts[i]) + 1
		if l.parts != nil {
			size += len(agentMember(agents, it.agent))
		}
	}
	page = append(make([]byte, 0, size), '[')
	for i, it := range items {
		if i > 0 {
			page = append(page, ',')
		}
		page = append(page, texts[i]...)
		if l.parts != nil && it.agent != "" {
			page = append(page[:len(page)-1], agents[it.agent]...)
		}
	}
	return append(page, ']'), len(items), total
}

func agentMember(made map[string][]byte, agent string) []byte {
	text, ok := made[agent]
	if !ok {
		id, _ := json.Marshal(agent) // of a string it does not fail
		text = append(append([]byte(`,"agent_id":`), id...), '}')
		made[agent] = text
	}
	return text
}
