package fold_test

import (
	"fmt"
	"reflect"
	"time"

	"pgregory.net/rapid"

	"bookledger/events"
)

// drawFields draws a value for every field below v, so it also covers fields
// that are added later. The case ids of sections stay blank.
func drawFields(t *rapid.T, v reflect.Value) {
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		if rapid.IntRange(0, 4).Draw(t, "known") > 0 {
			*p = time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "seconds"), rapid.Int64Range(0, 999999999).Draw(t, "nanos")).UTC()
		}
		return
	case *events.Money:
		if rapid.Bool().Draw(t, "known") {
			*p = events.Cents(rapid.Int64Range(0, 999999999).Draw(t, "cents"))
		}
		return
	case *events.Date:
		*p = events.Date(rapid.Int32Range(0, 99991231).Draw(t, "date"))
		return
	case *events.Flag:
		*p = events.Flag(rapid.IntRange(0, 2).Draw(t, "flag"))
		return
	case *[32]byte:
		for i := range p {
			p[i] = rapid.Byte().Draw(t, "byte")
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "CaseID" {
				drawFields(t, v.Field(i))
			}
		}
	case reflect.Slice:
		n := rapid.IntRange(0, 3).Draw(t, "length")
		if n == 0 {
			return // nil, as in a decoded state
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			drawFields(t, v.Index(i))
		}
	case reflect.String:
		v.SetString(rapid.String().Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int:
		v.SetInt(rapid.Int64Range(0, 2100).Draw(t, "int"))
	case reflect.Uint64:
		v.SetUint(rapid.Uint64().Draw(t, "uint"))
	default:
		panic(fmt.Sprintf("drawFields: unsupported type %s", v.Type()))
	}
}

// drawEvent draws an event of one case. It uses few ids, so that events affect
// each other.
func drawEvent(t *rapid.T) events.Data {
	agents, members := rapid.SampledFrom([]string{"a1", "a2", "a3"}), rapid.SampledFrom([]string{"m1", "m2", "m3"})
	a, b, m := agents.Draw(t, "agent"), agents.Draw(t, "other"), members.Draw(t, "member")
	year, word := rapid.IntRange(2025, 2027).Draw(t, "year"), rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "word")
	all := []func() events.Data{
		func() events.Data {
			return &events.HouseholdRecorded{CaseID: caseID, PrimaryContact: events.Contact{FirstName: word}}
		},
		func() events.Data { return application(year, word) },
		func() events.Data { return member(m, word) },
		func() events.Data { return memberRemoved(m) },
		func() events.Data {
			return eligibility(m, year, rapid.SampledFrom([]string{"medi_cal", "none"}).Draw(t, "program"))
		},
		func() events.Data {
			return enrollment(rapid.SampledFrom([]string{"n1", "n2", "n3"}).Draw(t, "enrollment"), year, word, m, members.Draw(t, "second"))
		},
		func() events.Data { return &events.CaseClosed{CaseID: caseID} },
		func() events.Data { return requested(a) },
		func() events.Data { return requested(a) },
		func() events.Data { return accepted(a) },
		func() events.Data { return declined(a) },
		func() events.Data { return withdrawn(a) },
		func() events.Data { return created(a) },
		func() events.Data { return inactive(a) },
		func() events.Data { return reactivated(a) },
		func() events.Data { return transferred(a, b) },
		func() events.Data { return ended(a) },
	}
	return all[rapid.IntRange(0, len(all)-1).Draw(t, "event")]()
}
