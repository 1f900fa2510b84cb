package list

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
)

// jsonCache caches the JSON form of an item.
type jsonCache struct {
	value atomic.Pointer[cachedJSON]
}

type cachedJSON struct {
	years int // the number of years shown
	json  []byte
}

// json returns the JSON form of an item without its agent, in a list for a Friday
// in the calendar year current.
func (it *item) json(current int) []byte {
	years := len(it.shownYears(current))
	if cached := it.value.Load(); cached != nil && cached.years == years {
		return cached.json
	}
	b, err := json.Marshal(it.Shown(current))
	if err != nil {
		panic(fmt.Sprintf("list: encoding an entry: %v", err)) // texts, dates and numbers can always be encoded
	}
	it.value.Store(&cachedJSON{years, b})
	return b
}

// PageJSON returns the entries that Page returns as a JSON array, the number of
// entries in the array, and the number of matches on all pages. It caches the JSON
// form of entries.
func (l *List) PageJSON(q Query, current int) (page []byte, listed, total int) {
	items, total := l.find(q, current)
	texts, size := make([][]byte, len(items)), 2
	suffixes := map[string][]byte{} // by agent, the end of an entry's JSON from agent_id on
	for i, it := range items {
		texts[i] = it.json(current)
		size += len(texts[i]) + 1
		if l.parts != nil {
			size += len(agentSuffix(suffixes, it.agent))
		}
	}
	page = append(make([]byte, 0, size), '[')
	for i, it := range items {
		if i > 0 {
			page = append(page, ',')
		}
		page = append(page, texts[i]...)
		if l.parts != nil && it.agent != "" {
			page = append(page[:len(page)-1], suffixes[it.agent]...)
		}
	}
	return append(page, ']'), len(items), total
}

// agentSuffix returns the end of an entry's JSON with the member agent_id. It caches
// the text in suffixes.
func agentSuffix(suffixes map[string][]byte, agent string) []byte {
	text, ok := suffixes[agent]
	if !ok {
		id, _ := json.Marshal(agent) // a string can always be encoded
		text = append(append([]byte(`,"agent_id":`), id...), '}')
		suffixes[agent] = text
	}
	return text
}
