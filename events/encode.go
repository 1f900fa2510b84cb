package events

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// message is the JSON form of an event.
type message struct {
	SpecVersion     string `json:"specversion"`
	ID              string `json:"id"`
	Source          string `json:"source"`
	Type            string `json:"type"`
	Time            string `json:"time"`
	DataContentType string `json:"datacontenttype"`
	ActorID         string `json:"actorid,omitzero"`
	ActorRole       string `json:"actorrole,omitzero"`
	Data            Data   `json:"data"`
}

// Encode returns the event as a CloudEvents message in structured mode. Equal
// events have equal bytes.
func (e Event) Encode() ([]byte, error) {
	body, err := json.Marshal(message{
		SpecVersion: "1.0", ID: e.ID, Source: e.Source, Type: e.Type,
		Time: e.Time.Format("2006-01-02T15:04:05.999999999Z07:00"), DataContentType: "application/json",
		ActorID: e.ActorID, ActorRole: e.ActorRole, Data: e.Data,
	})
	if err != nil {
		return nil, fmt.Errorf("encoding an event of type %s: %w", e.Type, err)
	}
	return body, nil
}

// Subject returns the subject for publishing the event live. For an upstream
// type, that is the family's subject with the event's source. For one of the
// ledger's own types, it is the subject that only bookledger writes.
func (e Event) Subject() string {
	for subject, types := range ownTypes {
		if slices.Contains(types, e.Type) {
			return subject
		}
	}
	family, _, _ := strings.Cut(e.Type, ".")
	return "ledger." + family + "." + e.Source
}
