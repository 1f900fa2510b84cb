package store

import (
	"encoding/binary"

	"bookledger/events"
)

// Format is the version of the key layout. 1: the first.
const Format = 1

// Key is a key without its week: an entity's whole name, ending in a zero
// byte, which no identifier holds.
type Key []byte

// The first byte of a key tells what it is of.
const (
	kindAgent   = 'a'
	kindCase    = 'c'
	kindFriday  = 'f'
	kindHeld    = 'h'
	kindSeen    = 'i'
	kindMeta    = 'm'
	kindReject  = 'r'
	kindStaff   = 's'
	kindChanged = 'v'
	kindAgency  = 'y'
)

func key(kind byte, parts ...string) Key {
	k := make(Key, 0, 64)
	k = append(k, kind)
	for _, p := range parts {
		k = append(append(k, p...), 0)
	}
	return k
}

// Case is the key of a case; Case("") is the prefix of all cases, and so on.
func Case(id string) Key { return entity(kindCase, id) }

// Agent is the key of an agent.
func Agent(id string) Key { return entity(kindAgent, id) }

// Agency is the key of an agency.
func Agency(id string) Key { return entity(kindAgency, id) }

// Staff is the key of a person's role in an agency, or the prefix of all roles
// where both are empty.
func Staff(agency, person string) Key {
	if agency == "" {
		return key(kindStaff)
	}
	return key(kindStaff, agency, person)
}

// Held is the key of what a case is to an agent, or with no case the prefix of
// all that are something to the agent.
func Held(agent, caseID string) Key {
	if caseID == "" {
		return key(kindHeld, agent)
	}
	return key(kindHeld, agent, caseID)
}

func entity(kind byte, id string) Key {
	if id == "" {
		return key(kind)
	}
	return key(kind, id)
}

// The keys that have no weeks.

// Meta is the key of a fact about the store itself.
func Meta(name string) []byte { return key(kindMeta, name) }

// AppendSeen appends the key that remembers an event's id.
func AppendSeen(dst []byte, source, id string) []byte {
	dst = append(append(dst, kindSeen), source...)
	return append(append(dst, 0), id...)
}

// Changed is the key of the last change of anything in an agent's lists.
func Changed(agent string) []byte { return key(kindChanged, agent) }

// Friday is the key of a checkpoint; Friday(0) sorts before all.
func Friday(f events.Date) []byte {
	return binary.BigEndian.AppendUint32([]byte{kindFriday}, uint32(f))
}

// Rejected is the key of a rejected record; Rejected(0) sorts before all.
func Rejected(seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{kindReject}, seq)
}

const versionLen = 4

// version appends the week to a key, inverted, so that the newest comes first.
func (k Key) version(week events.Date) []byte {
	return binary.BigEndian.AppendUint32(k[:len(k):len(k)], ^uint32(week))
}

func splitVersion(stored []byte) (Key, events.Date) {
	n := len(stored) - versionLen
	return Key(stored[:n]), events.Date(^binary.BigEndian.Uint32(stored[n:]))
}

// end is the first key behind all that begin with prefix.
func end(prefix []byte) []byte {
	e := append([]byte{}, prefix...)
	e[len(e)-1]++ // no prefix ends in 0xff
	return e
}
