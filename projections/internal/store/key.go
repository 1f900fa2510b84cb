package store

import (
	"encoding/binary"

	"bookledger/events"
)

// Format is the version of the key layout.
//
//	1: the first version
//	2: adds the roles of a person, the agents of an agency, the case index and the export
//	   trail; a release without these kinds could read only part of the store
//	3: adds the tiles of the journal's tree, seals, and their signatures
const Format = 3

// Key is the key of a versioned value, without its week. It is the full name of an
// entity and ends in a zero byte, which no identifier contains.
type Key []byte

// The first byte of a key is its kind.
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

// key joins the parts of a key. If the last part is blank, the result is the prefix of
// all keys that start with the other parts. No other part of a key is ever blank.
func key(kind byte, parts ...string) Key {
	k := append(make(Key, 0, 64), kind)
	for i, p := range parts {
		if p != "" || i < len(parts)-1 {
			k = append(append(k, p...), 0)
		}
	}
	return k
}

// Case returns the key of a case. Case("") is the prefix of all cases. The functions
// below treat a blank last argument in the same way.
func Case(id string) Key { return key(kindCase, id) }

// Agent returns the key of an agent.
func Agent(id string) Key { return key(kindAgent, id) }

// Agency returns the key of an agency.
func Agency(id string) Key { return key(kindAgency, id) }

// Staff returns the key of a person's role in an agency.
func Staff(agency, person string) Key { return key(kindStaff, agency, person) }

// AllStaff returns the prefix of the roles in all agencies.
func AllStaff() Key { return key(kindStaff) }

// AgentCase returns the key of the relation between an agent and a case.
func AgentCase(agent, caseID string) Key { return key(kindAgentCase, agent, caseID) }

// PersonRole returns the key of the index entry for a person's role in an agency.
func PersonRole(person, agency string) Key { return key(kindPersonRole, person, agency) }

// AgencyAgent returns the key of the index entry for an agent of an agency.
func AgencyAgent(agency, agent string) Key { return key(kindAgencyAgent, agency, agent) }

// The following keys have no weeks.

// Meta returns the key of metadata about the store itself.
func Meta(name string) []byte { return key(kindMeta, name) }

// AppendEventID appends the key under which an event's (source, id) is remembered.
func AppendEventID(dst []byte, source, id string) []byte {
	dst = append(append(dst, kindEventID), source...)
	return append(append(dst, 0), id...)
}

// LastChange returns the key of the last change in an agent's lists.
func LastChange(agent string) []byte { return key(kindLastChange, agent) }

// Checkpoint returns the key of a checkpoint. Checkpoint(0) sorts before all others.
func Checkpoint(f events.Date) []byte {
	return binary.BigEndian.AppendUint32([]byte{kindCheckpoint}, uint32(f))
}

// Seal returns the key of a Friday's seal. Seal(0) sorts before all others.
func Seal(f events.Date) []byte {
	return binary.BigEndian.AppendUint32([]byte{kindSeal}, uint32(f))
}

// Signature returns the key of a signature of a Friday's seal, which record seq
// contains. If seq is 0, it returns the prefix of the seal's signatures.
func Signature(f events.Date, seq uint64) []byte {
	k := binary.BigEndian.AppendUint32([]byte{kindSignature}, uint32(f))
	if seq == 0 {
		return k
	}
	return binary.BigEndian.AppendUint64(k, seq)
}

// Rejection returns the key of a rejected event. Rejection(0) sorts before all others.
func Rejection(seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{kindRejection}, seq)
}

// ExportStep returns the key of an export step. ExportStep(0) sorts before all others.
func ExportStep(seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{kindExportStep}, seq)
}

// AppendCaseIndex appends the key of a case's index entries for one batch. First is
// the sequence of the batch's first record.
func AppendCaseIndex(dst []byte, caseID string, first uint64) []byte {
	dst = append(append(dst, kindCaseIndex), caseID...)
	return binary.BigEndian.AppendUint64(append(dst, 0), first)
}

// CaseIndex returns the prefix of a case's index entries.
func CaseIndex(caseID string) []byte { return key(kindCaseIndex, caseID, "") }

// CaseIndexFirst returns the sequence of the first record of the batch to which the key belongs.
func CaseIndexFirst(key []byte) uint64 {
	return binary.BigEndian.Uint64(key[len(key)-8:])
}

// While a tile of the journal's tree grows, it is stored in pieces. A full tile is
// one piece. A piece's key ends in the index of its first hash within the tile.

// TilePiece returns the key of the piece of a tile that begins at index at.
func TilePiece(level int, number uint64, at int) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{kindTile, byte(level)}, number), byte(at))
}

// TilePieceStart returns the index at which a piece begins.
func TilePieceStart(piece []byte) int { return int(piece[len(piece)-1]) }

const versionLen = 4

// version appends the inverted week to a key, so that the newest version sorts first.
func (k Key) version(week events.Date) []byte {
	return binary.BigEndian.AppendUint32(k[:len(k):len(k)], ^uint32(week))
}

func splitVersion(stored []byte) (Key, events.Date) {
	n := len(stored) - versionLen
	return Key(stored[:n]), events.Date(^binary.BigEndian.Uint32(stored[n:]))
}

// end returns the first key after all keys with the prefix.
func end(prefix []byte) []byte {
	e := append([]byte{}, prefix...)
	e[len(e)-1]++ // no prefix ends in 0xff
	return e
}
