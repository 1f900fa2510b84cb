package events

import (
	"reflect"
	"strings"
)

// kind identifies how a field is parsed.
type kind uint8

const (
	kindText kind = iota
	kindIdentifier
	kindIdentifiers
	kindEnum
	kindSSN
	kindHash
	kindClock
	kindDate
	kindMoney
	kindInteger
	kindFlag
	kindObject
)

// field describes one field of a shape. It is built once from the struct tags,
// which makes the structs the only definition of an event.
type field struct {
	name      string
	index     []int
	kind      kind
	required  bool
	values    []string // of kindOne
	max       int64    // maximum number of characters, or largest integer
	min       int64    // smallest integer
	multiline bool     // the text may contain newlines
	shape     *shape   // for kindObject
}

// shape describes the fields of one struct.
type shape struct {
	fields []field
	byName map[string]int
}

// eventType is a type of event that this release supports.
type eventType struct {
	make  func() Data
	shape *shape
}

// eventTypes are the event types that this release supports, in all versions.
var eventTypes = map[string]eventType{
	TypeHouseholdRecorded:        newEventType[HouseholdRecorded](),
	TypeApplicationRecorded:      newEventType[ApplicationRecorded](),
	TypeMemberRecorded:           newEventType[MemberRecorded](),
	TypeMemberRemoved:            newEventType[MemberRemoved](),
	TypeEligibilityDetermined:    newEventType[EligibilityDetermined](),
	TypeEnrollmentRecorded:       newEventType[EnrollmentRecorded](),
	TypeCaseClosed:               newEventType[CaseClosed](),
	TypeDelegationRequested:      newEventType[DelegationRequested](),
	TypeDelegationAccepted:       newEventType[DelegationAccepted](),
	TypeDelegationDeclined:       newEventType[DelegationDeclined](),
	TypeDelegationWithdrawn:      newEventType[DelegationWithdrawn](),
	TypeDelegationCreated:        newEventType[DelegationCreated](),
	TypeDelegationMarkedInactive: newEventType[DelegationMarkedInactive](),
	TypeDelegationReactivated:    newEventType[DelegationReactivated](),
	TypeDelegationTransferred:    newEventType[DelegationTransferred](),
	TypeDelegationEnded:          newEventType[DelegationEnded](),
	TypeAgencyRegistered:         newEventType[AgencyRegistered](),
	TypeAgentCertified:           newEventType[AgentCertified](),
	TypeAgentMoved:               newEventType[AgentMoved](),
	TypeAgentDecertified:         newEventType[AgentDecertified](),
	TypeStaffAssigned:            newEventType[StaffAssigned](),
	TypeStaffRemoved:             newEventType[StaffRemoved](),
	TypeGenesis:                  newEventType[Genesis](),
	TypeClock:                    newEventType[Clock](),
	TypeHistoryClosed:            newEventType[HistoryClosed](),
	TypeRules:                    newEventType[Rules](),
	TypeSealed:                   newEventType[Sealed](),
	TypeSealSigned:               newEventType[SealSigned](),
	TypeSealKeyChanged:           newEventType[SealKeyChanged](),
	TypeExportRequested:          newEventType[ExportRequested](),
	TypeExportDeclined:           newEventType[ExportDeclined](),
	TypeExportDenied:             newEventType[ExportDenied](),
	TypeExportMade:               newEventType[ExportMade](),
}

// typeByData maps the Go type of the data to the newest version of the event
// type.
var typeByData = func() map[reflect.Type]string {
	types := make(map[reflect.Type]string)
	for name, t := range eventTypes {
		types[reflect.TypeOf(t.make())] = name
	}
	return types
}()

// TypeOf returns the event type for data, in its newest version.
func TypeOf(data Data) string { return typeByData[reflect.TypeOf(data)] }

// typeNames maps each event type to itself, so decoded events share one copy of
// the string.
var typeNames = func() map[string]string {
	names := make(map[string]string)
	for t := range eventTypes {
		names[t] = t
	}
	return names
}()

// splitVersion splits "consumer.case_closed.v1" into the name and "1".
func splitVersion(t string) (name, version string) {
	i := strings.LastIndex(t, ".v")
	if i < 0 {
		return t, ""
	}
	if _, ok := parseDigits(t[i+2:]); !ok {
		return t, ""
	}
	return t[:i], t[i+2:]
}

// sameTypeName reports whether a and b are versions of one type.
func sameTypeName(a, b string) bool {
	nameA, _ := splitVersion(a)
	nameB, _ := splitVersion(b)
	return nameA == nameB
}

// checkType returns a rejection if this release does not support the type.
func checkType(t string) *Rejection {
	if _, ok := eventTypes[t]; ok {
		return nil
	}
	_, version := splitVersion(t)
	for known := range eventTypes {
		if version != "" && sameTypeName(known, t) {
			return reject(UnsupportedVersion, "type", "this release does not read that version of the type")
		}
	}
	return reject(UnsupportedType, "type", "this release knows no such type")
}

func newEventType[T any, P interface {
	*T
	Data
}]() eventType {
	return eventType{
		make:  func() Data { return P(new(T)) },
		shape: newShape(reflect.TypeFor[T]()),
	}
}

func newShape(t reflect.Type) *shape {
	s := &shape{byName: make(map[string]int)}
	for _, sf := range reflect.VisibleFields(t) {
		if sf.Anonymous {
			continue
		}
		f := newField(sf)
		s.byName[f.name] = len(s.fields)
		s.fields = append(s.fields, f)
	}
	return s
}

func newField(sf reflect.StructField) field {
	name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
	f := field{name: name, index: sf.Index, max: 200, values: strings.Fields(sf.Tag.Get("values"))}
	switch sf.Type {
	case reflect.TypeFor[Date]():
		f.kind = kindDate
	case reflect.TypeFor[Money]():
		f.kind = kindMoney
	case reflect.TypeFor[Flag]():
		f.kind = kindFlag
	case reflect.TypeFor[int]():
		f.kind = kindInteger
	default:
		if sf.Type.Kind() == reflect.Struct {
			f.kind, f.shape = kindObject, newShape(sf.Type)
		}
	}
	for rule := range strings.SplitSeq(sf.Tag.Get("rule"), ",") {
		f.applyRule(rule)
	}
	return f
}

func (f *field) applyRule(rule string) {
	switch rule {
	case "required":
		f.required = true
	case "name":
		f.max = 100
	case "note":
		f.max, f.multiline = 10000, true
	case "identifier":
		f.kind = kindIdentifier
	case "identifiers":
		f.kind = kindIdentifiers
	case "one":
		f.kind = kindEnum
	case "ssn_last4":
		f.kind = kindSSN
	case "hash":
		f.kind = kindHash
	case "clock":
		f.kind = kindClock
	case "year":
		f.min, f.max = 2014, 2100
	case "rules":
		f.min, f.max = 1, 1_000_000
	case "count":
		f.min, f.max = 0, 1<<53-1
	}
}
