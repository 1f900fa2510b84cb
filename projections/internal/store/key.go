package store

import (
	"encoding/binary"

	"bookledger/events"
)

// Format is the version of the key layout. 1: the first. 2: with kinds for the
// roles of a person, the agents of an agency, the index of a case and the
// trail of exports; a store without them could be read in part alone. 3: with
// the tiles of the journal's tree, and seals and their signatures.
const Format = 3

// Key is a key without its week: an entity's whole name, ending in a zero
// byte, which no identifier holds.
type Key []byte

// The first byte of a key tells what it is of.
const (
	kindAgent       = 'a'
	kindCase        = 'c'
	kindExportStep  = 'e'
	kindCheckpoint  = 'f'
	kindAgentCase   = 'h'
	kindEventID     = 'i'
	kindMeta        = 'm'
	kindCaseIndex   = 'n'
	kindAgencyAgent = 'o'
	kindPersonRole  = 'p'
	kindRejection   = 'r'
	kindStaff       = 's'
	kindSeal        = 'u'
	kindSignature   = 'w'
	kindTile        = 't'
	kindLastChange  = 'v'
	kindAgency      = 'y'
)

// key makes a key of parts. Where the last is blank, it is the prefix of all keys
// that go on from there. No key has another part that is blank.
func key(kind byte, parts ...string) Key {
	k := append(make(Key, 0, 64), kind)
	for i, p := range parts {
		if p != "" || i < len(parts)-1 {
			k = append(append(k, p...), 0)
		}
	}
	return k
}

// Case is the key of a case; Case("") is the prefix of all cases, and so on.
func Case(id string) Key { return key(kindCase, id) }

// Agent is the key of an agent.
func Agent(id string) Key { return key(kindAgent, id) }

// Agency is the key of an agency.
func Agency(id string) Key { return key(kindAgency, id) }

// Staff is the key of a person's role in an agency.
func Staff(agency, person string) Key { return key(kindStaff, agency, person) }

// AllStaff is the prefix of the roles in all agencies.
func AllStaff() Key { return key(kindStaff) }

// AgentCase is the key of what a case is to an agent.
func AgentCase(agent, caseID string) Key { return key(kindAgentCase, agent, caseID) }

// PersonRole is the key that says that a person has a role in an agency.
func PersonRole(person, agency string) Key { return key(kindPersonRole, person, agency) }

// AgencyAgent is the key that says that an agent is an agency's own.
func AgencyAgent(agency, agent string) Key { return key(kindAgencyAgent, agency, agent) }

// The keys that have no weeks.

// Meta is the key of a fact about the store itself.
func Meta(name string) []byte { return key(kindMeta, name) }

// AppendEventID appends the key that remembers an event's id.
func AppendEventID(dst []byte, source, id string) []byte {
	dst = append(append(dst, kindEventID), source...)
	return append(append(dst, 0), id...)
}

// LastChange is the key of the last change of anything in an agent's lists.
func LastChange(agent string) []byte { return key(kindLastChange, agent) }

// Checkpoint is the key of a checkpoint; Checkpoint(0) sorts before all.
func Checkpoint(f events.Date) []byte {
	return binary.BigEndian.AppendUint32([]byte{kindCheckpoint}, uint32(f))
}

// Seal is the key of a Friday's seal; Seal(0) sorts before all.
func Seal(f events.Date) []byte {
	return binary.BigEndian.AppendUint32([]byte{kindSeal}, uint32(f))
}

// Signature is the key of a signature of a Friday's seal, or with no record the
// prefix of all of them.
func Signature(f events.Date, seq uint64) []byte {
	k := binary.BigEndian.AppendUint32([]byte{kindSignature}, uint32(f))
	if seq == 0 {
		return k
	}
	return binary.BigEndian.AppendUint64(k, seq)
}

// Rejection is the key of a rejected record; Rejection(0) sorts before all.
func Rejection(seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{kindRejection}, seq)
}

// ExportStep is the key of a step of an export; ExportStep(0) sorts before all.
func ExportStep(seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{kindExportStep}, seq)
}

// AppendCaseIndex appends the key of the records of a batch that were about a
// case, where first is the batch's first record.
func AppendCaseIndex(dst []byte, caseID string, first uint64) []byte {
	dst = append(append(dst, kindCaseIndex), caseID...)
	return binary.BigEndian.AppendUint64(append(dst, 0), first)
}

// CaseIndex is the prefix of the index of a case.
func CaseIndex(caseID string) []byte { return key(kindCaseIndex, caseID, "") }

// CaseIndexFirst returns the first record of the batch of a key of a case's index.
func CaseIndexFirst(key []byte) uint64 {
	return binary.BigEndian.Uint64(key[len(key)-8:])
}

// A tile of the journal's tree is kept in pieces, as it has grown, until it is
// full: then it is one piece. A piece's key ends in the place of its first
// hash.

// TilePiece is the key of the piece of a tile that begins at a place.
func TilePiece(level int, number uint64, at int) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{kindTile, byte(level)}, number), byte(at))
}

// TilePieceStart returns the place at which the piece of a key begins.
func TilePieceStart(piece []byte) int { return int(piece[len(piece)-1]) }

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
