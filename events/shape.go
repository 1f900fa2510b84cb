package events

import (
	"reflect"
	"strings"
)

// kind is how a field is read.
type kind uint8

const (
	kindText kind = iota
	kindIdentifier
	kindIdentifiers
	kindOne
	kindSSN
	kindHash
	kindClock
	kindDate
	kindMoney
	kindInteger
	kindFlag
	kindObject
)

// field is one field of a shape, made once from the struct's tags, so that
// the struct is the only place that says what an event may hold.
type field struct {
	name     string
	index    []int
	kind     kind
	required bool
	values   []string // of kindOne
	most     int64    // characters of text, or the largest integer
	least    int64    // the smallest integer
	lines    bool     // text that may hold newlines
	shape    *shape   // of kindObject
}

// shape is the form of one struct.
type shape struct {
	fields []field
	byName map[string]int
}

// eventType is one known type of event.
type eventType struct {
	make  func() Data
	shape *shape
}

// eventTypes are the types that this release reads, in all their versions.
var eventTypes = map[string]eventType{
	TypeHouseholdRecorded:        typeOf[HouseholdRecorded](),
	TypeApplicationRecorded:      typeOf[ApplicationRecorded](),
	TypeMemberRecorded:           typeOf[MemberRecorded](),
	TypeMemberRemoved:            typeOf[MemberRemoved](),
	TypeEligibilityDetermined:    typeOf[EligibilityDetermined](),
	TypeEnrollmentRecorded:       typeOf[EnrollmentRecorded](),
	TypeCaseClosed:               typeOf[CaseClosed](),
	TypeDelegationRequested:      typeOf[DelegationRequested](),
	TypeDelegationAccepted:       typeOf[DelegationAccepted](),
	TypeDelegationDeclined:       typeOf[DelegationDeclined](),
	TypeDelegationWithdrawn:      typeOf[DelegationWithdrawn](),
	TypeDelegationCreated:        typeOf[DelegationCreated](),
	TypeDelegationMarkedInactive: typeOf[DelegationMarkedInactive](),
	TypeDelegationReactivated:    typeOf[DelegationReactivated](),
	TypeDelegationTransferred:    typeOf[DelegationTransferred](),
	TypeDelegationEnded:          typeOf[DelegationEnded](),
	TypeAgencyRegistered:         typeOf[AgencyRegistered](),
	TypeAgentCertified:           typeOf[AgentCertified](),
	TypeAgentMoved:               typeOf[AgentMoved](),
	TypeAgentDecertified:         typeOf[AgentDecertified](),
	TypeStaffAssigned:            typeOf[StaffAssigned](),
	TypeStaffRemoved:             typeOf[StaffRemoved](),
	TypeGenesis:                  typeOf[Genesis](),
	TypeClock:                    typeOf[Clock](),
	TypeHistoryClosed:            typeOf[HistoryClosed](),
	TypeRules:                    typeOf[Rules](),
	TypeSealed:                   typeOf[Sealed](),
	TypeSealSigned:               typeOf[SealSigned](),
	TypeSealKeyChanged:           typeOf[SealKeyChanged](),
	TypeExportRequested:          typeOf[ExportRequested](),
	TypeExportDeclined:           typeOf[ExportDeclined](),
	TypeExportDenied:             typeOf[ExportDenied](),
	TypeExportMade:               typeOf[ExportMade](),
}

// typesOfData are the newest types by the Go type of their data.
var typesOfData = func() map[reflect.Type]string {
	types := make(map[reflect.Type]string)
	for name, t := range eventTypes {
		types[reflect.TypeOf(t.make())] = name
	}
	return types
}()

// TypeOf returns the type of the events that carry data of this kind.
func TypeOf(data Data) string { return typesOfData[reflect.TypeOf(data)] }

// typeNames are the known types, each by itself, so that events need not hold
// a copy.
var typeNames = func() map[string]string {
	names := make(map[string]string)
	for t := range eventTypes {
		names[t] = t
	}
	return names
}()

// cutVersion parts "consumer.case_closed.v1" into name and "1".
func cutVersion(t string) (name, version string) {
	i := strings.LastIndex(t, ".v")
	if i < 0 {
		return t, ""
	}
	if _, ok := digits(t[i+2:]); !ok {
		return t, ""
	}
	return t[:i], t[i+2:]
}

// sameName reports whether a and b are versions of one type.
func sameName(a, b string) bool {
	nameA, _ := cutVersion(a)
	nameB, _ := cutVersion(b)
	return nameA == nameB
}

// checkType reports whether this release reads the type.
func checkType(t string) *Rejection {
	if _, ok := eventTypes[t]; ok {
		return nil
	}
	_, version := cutVersion(t)
	for known := range eventTypes {
		if version != "" && sameName(known, t) {
			return reject(UnsupportedVersion, "type", "this release does not read that version of the type")
		}
	}
	return reject(UnsupportedType, "type", "this release knows no such type")
}

func typeOf[T any, P interface {
	*T
	Data
}]() eventType {
	return eventType{
		make:  func() Data { return P(new(T)) },
		shape: shapeOf(reflect.TypeFor[T]()),
	}
}

func shapeOf(t reflect.Type) *shape {
	s := &shape{byName: make(map[string]int)}
	for _, sf := range reflect.VisibleFields(t) {
		if sf.Anonymous {
			continue
		}
		f := fieldOf(sf)
		s.byName[f.name] = len(s.fields)
		s.fields = append(s.fields, f)
	}
	return s
}

func fieldOf(sf reflect.StructField) field {
	name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
	f := field{name: name, index: sf.Index, most: 200, values: strings.Fields(sf.Tag.Get("values"))}
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
			f.kind, f.shape = kindObject, shapeOf(sf.Type)
		}
	}
	for rule := range strings.SplitSeq(sf.Tag.Get("rule"), ",") {
		f.rule(rule)
	}
	return f
}

func (f *field) rule(rule string) {
	switch rule {
	case "required":
		f.required = true
	case "name":
		f.most = 100
	case "note":
		f.most, f.lines = 10000, true
	case "identifier":
		f.kind = kindIdentifier
	case "identifiers":
		f.kind = kindIdentifiers
	case "one":
		f.kind = kindOne
	case "ssn_last4":
		f.kind = kindSSN
	case "hash":
		f.kind = kindHash
	case "clock":
		f.kind = kindClock
	case "year":
		f.least, f.most = 2014, 2100
	case "rules":
		f.least, f.most = 1, 1_000_000
	case "count":
		f.least, f.most = 0, 1<<53-1
	}
}
