package events_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"bookledger/events"
)

// contract lists the fields of each type as name:kind. An exclamation mark marks a
// required field. A kind with several words joined by | is an enumeration.
var contract = map[string]string{
	"consumer.household_recorded.v1":     "case_id:id! primary_contact:object address:object " + contactFields + " " + addressFields,
	"consumer.application_recorded.v1":   "case_id:id! application_year:year! current_status:text next_steps:text submitted_on:date",
	"consumer.member_recorded.v1":        memberFields,
	"consumer.member_removed.v1":         memberFields,
	"consumer.eligibility_determined.v1": "case_id:id! member_id:id! application_year:year! program:covered_california|medi_cal|mcap|cchip|none! status:eligible|conditionally_eligible|ineligible|pending! aptc_monthly:money csr_level:text verification_due_on:date",
	"consumer.enrollment_recorded.v1":    "case_id:id! enrollment_id:id! application_year:year! coverage_kind:health|dental! member_ids:ids! carrier:text plan_name:text hios_plan_id:text metal_tier:text coverage_start:date coverage_end:date status:pending|enrolled|cancelled|terminated! gross_premium:money aptc_applied:money state_subsidy:money net_premium:money binder_status:text subscriber_id:text",
	"consumer.case_closed.v1":            "case_id:id! reason:text",

	"delegation.requested.v1":       "case_id:id! agent_id:id!",
	"delegation.accepted.v1":        "case_id:id! agent_id:id!",
	"delegation.declined.v1":        "case_id:id! agent_id:id! reason:text",
	"delegation.withdrawn.v1":       "case_id:id! agent_id:id! reason:text",
	"delegation.created.v1":         "case_id:id! agent_id:id! via:agent_application|service_center|conversion",
	"delegation.marked_inactive.v1": "case_id:id! agent_id:id!",
	"delegation.reactivated.v1":     "case_id:id! agent_id:id!",
	"delegation.transferred.v1":     "case_id:id! from_agent_id:id! to_agent_id:id! batch_id:text",
	"delegation.ended.v1":           "case_id:id! agent_id:id! reason:consumer|service_center|decertified|other",

	"agency.registered.v1":        "agency_id:id! name:name",
	"agency.agent_certified.v1":   "agent_id:id! agency_id:id! first_name:name last_name:name license_number:text email:text",
	"agency.agent_moved.v1":       "agent_id:id! agency_id:id!",
	"agency.agent_decertified.v1": "agent_id:id! reason:text",
	"agency.staff_assigned.v1":    "person_id:id! agency_id:id! role:manager|admin_l1|admin_l2! name:name email:text",
	"agency.staff_removed.v1":     "person_id:id! agency_id:id! role:manager|admin_l1|admin_l2! name:name email:text",

	"ledger.genesis.v1":          "ledger_id:id! calendar:object! calendar.zone:text! calendar.weekday:Sunday|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday! calendar.time:clock! calendar.zone_sha256:hash! rules:rules! seal_key:text!",
	"ledger.clock.v1":            "friday:date!",
	"ledger.history_closed.v1":   "reason:text",
	"ledger.rules.v1":            "rules:rules!",
	"ledger.sealed.v1":           "friday:date! boundary:count! tree_size:count! book_root:hash! tree_root:hash! cases:count! rows:count! rules:rules!",
	"ledger.seal_signed.v1":      "friday:date! note:note!",
	"ledger.seal_key_changed.v1": "note:note!",
	"ledger.export_requested.v1": exportFields,
	"ledger.export_declined.v1":  exportFields,
	"ledger.export_denied.v1":    exportFields,
	"ledger.export_made.v1":      exportFields,
}

const (
	contactFields = "primary_contact.first_name:name primary_contact.last_name:name primary_contact.phone:text primary_contact.email:text primary_contact.date_of_birth:date primary_contact.ssn_last4:ssn primary_contact.spoken_language:text primary_contact.written_language:text"
	addressFields = "address.line1:text address.line2:text address.city:text address.state:text address.zip:text address.county:text"
	memberFields  = "case_id:id! member_id:id! first_name:name last_name:name date_of_birth:date gender:text ssn_last4:ssn relationship:text applying:flag"
	exportFields  = "export_id:text person_id:text role:text! agent_id:text agency_id:text friday:date! disclaimer:text accepted:flag rows:count sha256:hash exporter_version:text address:text"
)

const hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// values lists valid and invalid JSON values for each kind of field. Blanks and
// invalid array items are tested separately.
var values = map[string]struct{ good, bad []string }{
	"id":     {quoted("1", "5000032500", "A-z_0.9", repeat("x", 40)), append(quoted("a b", "a/b", "é", "1\n", repeat("x", 41)), "1", "true", "[]", "{}")},
	"ids":    {[]string{`["1"]`, `["1","1","2"]`}, []string{`[]`, `"1"`, `1`, `{}`, `false`}},
	"text":   {quoted(" ", "x", repeat("😀", 200), "\u00a0\ufffd\U0001fffe"), append(quoted(repeat("x", 201), repeat("😀", 201), "\x00", "a\nb", "\x1f", "\x7f", "\u0080", "\u0085", "\u009f", "\ufffe", "\uffff"), "1", "true", "[]", "{}")},
	"name":   {quoted(" ", "x", repeat("é", 100)), append(quoted(repeat("x", 101), "a\nb", "\u0085", "\uffff"), "1", "false", "[]", "{}")},
	"date":   {quoted("2026-11-20", "2024-02-29", "0000-01-01", "9999-12-31"), append(quoted("2026-02-29", "2026-11-31", "2026-1-5", "11/20/2026", "2026/11/20", "20261120", "+026-11-20", "2026-11-2x", "２026-11-20", "2026-11-20T00:00:00Z", "2026-11-20\n", " "), "20261120", "{}")},
	"money":  {quoted("0.00", "0.10", "412.33", "9999999.99"), append(quoted("412", "412.3", "412.333", "0412.33", ".50", "-1.00", "+1.00", "10000000.00", "1,000.00", "1e3", "1.00\n", "１.00", "00.10", "1e2.00", "1.0x", " 1.00", "$1.00", "1,00"), "412.33", "0", "[]")},
	"year":   {[]string{"2014", "2100", "2026.0", "2.026e3", "20260e-1", "2026e0"}, []string{"2013", "2101", "2026.5", "-2026", "0", "2.026e30", `"2026"`, "true", "[2026]"}},
	"count":  {[]string{"0", "1.0", "9007199254740991"}, []string{"-1", "0.5", "9007199254740992", `"1"`, "true", "[]"}},
	"rules":  {[]string{"1", "1000000", "1e6"}, []string{"0", "1000001", "1.5", `"1"`, "[]"}},
	"flag":   {[]string{"true", "false"}, []string{`"true"`, `"yes"`, "0", "1", "[]", "{}"}},
	"ssn":    {quoted("7880", "0000"), append(quoted("900123456", "900-12-3456", "XXX-XX-7880", "788", "78801", "788a", "７８８０", "7880\n"), "7880", "[]")},
	"hash":   {quoted(hash), append(quoted(strings.ToUpper(hash), hash[1:], hash+"0", "g"+hash[1:]), "1", "[]")},
	"clock":  {quoted("21:00:00", "00:00:00", "23:59:59"), append(quoted("24:00:00", "21:60:00", "21:00:60", "21:00", "9:00:00", "21:00:00\n"), "21", "[]")},
	"note":   {quoted("a\nb\n", "x", repeat("x", 10000)), append(quoted("a\tb", "a\r\nb", "\x7f", repeat("x", 10001)), "1", "[]")},
	"object": {[]string{`{}`, `{"unknown":[1]}`}, []string{`"text"`, "1", "true", "[]", "[{}]"}},
}

func repeat(s string, n int) string { return strings.Repeat(s, n) }

func quoted(texts ...string) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		q, err := json.Marshal(text)
		if err != nil {
			panic(err) // a string always marshals
		}
		out[i] = string(q)
	}
	return out
}

// contractField is one entry of contract.
type contractField struct {
	path      string
	good, bad []string
	required  bool
}

func contractFields(row string) []contractField {
	var fields []contractField
	for entry := range strings.FieldsSeq(row) {
		path, form, _ := strings.Cut(entry, ":")
		form, required := strings.CutSuffix(form, "!")
		f := contractField{path: path, required: required}
		if v, ok := values[form]; ok {
			f.good, f.bad = v.good, v.bad
		} else {
			list := strings.Split(form, "|")
			f.good = quoted(list...)
			f.bad = append(quoted(list[0]+" ", strings.ToUpper(list[0]), "unknown"), "1", "true", "[]", "["+f.good[0]+"]")
		}
		fields = append(fields, f)
	}
	return fields
}

// TestFieldsMatchContract checks every field of every type against the contract,
// with the published schemas and with the Checker. A rejection never repeats the
// value.
func TestFieldsMatchContract(t *testing.T) {
	schemas := compileSchemas(t)
	names := append(slices.Collect(maps.Keys(contract)), "common", "envelope")
	slices.Sort(names)
	if got := slices.Sorted(maps.Keys(schemas)); !slices.Equal(got, names) {
		t.Errorf("schemas: got\n%q, want\n%q", got, names)
	}
	var checker events.Checker
	for eventType, row := range contract {
		event := events.Event{Type: eventType, Source: "calheers"}
		if strings.HasPrefix(eventType, "ledger.") {
			event.Source = events.SourceLedger
		}
		check := func(data any, want ...string) *events.Rejection {
			t.Helper()
			text, err := json.Marshal(data)
			if err != nil {
				t.Fatal(err)
			}
			body := fmt.Appendf(nil, `{"specversion":"1.0","id":"1","source":%q,"type":%q,"time":"2026-11-20T20:59:58-08:00","data":%s}`, event.Source, eventType, text)
			if _, got, ok := schemas.check(t, body); !ok || !slices.Equal(got, want) {
				t.Errorf("%s: schema errors of %s: got %q, want %q", eventType, text, got, want)
			}
			checked := checker.Check(event.Subject(), body)
			r := checked.Rejection()
			var got []string
			if r != nil {
				got = []string{r.Field}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: Check of %s: got errors at %q, want %q", eventType, text, got, want)
			}
			return r
		}
		for _, other := range []any{true, "text", []any{}, 1} {
			check(other, "data")
		}
		fields := contractFields(row)
		var paths []string
		for _, f := range fields {
			paths = append(paths, f.path)
			if f.path != "calendar" { // an empty calendar lacks required fields
				for _, value := range f.good {
					check(sample(t, fields, f.path, value))
				}
			}
			for _, value := range f.bad {
				r := check(sample(t, fields, f.path, value), "data."+f.path)
				if text := strings.Trim(value, `"`); r != nil && len(text) > 5 && strings.Contains(r.Error(), text) {
					t.Errorf("%s, %s = %s: the rejection repeats the value: %v", eventType, f.path, value, r)
				}
			}
			for _, blank := range []string{"null", `""`, ""} {
				if f.required {
					check(sample(t, fields, f.path, blank), "data."+f.path)
				} else {
					check(sample(t, fields, f.path, blank))
				}
			}
		}
		slices.Sort(paths)
		if got := properties(schemas[eventType], ""); !slices.Equal(got, paths) {
			t.Errorf("%s: properties\n got %q\nwant %q", eventType, got, paths)
		}
	}
}

// sample returns data with every required field and with the field at path set to
// a JSON value. If value is "", the field is omitted.
func sample(t *testing.T, fields []contractField, path, value string) any {
	t.Helper()
	data := make(map[string]any)
	for _, f := range fields {
		if v := f.good[0]; f.required && f.path != path && !strings.HasPrefix(f.path, path+".") {
			put(t, data, f.path, v)
		}
	}
	if value != "" {
		put(t, data, path, value)
	}
	return data
}

func put(t *testing.T, data map[string]any, path, value string) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(value))
	if err != nil {
		t.Fatalf("%s: %v", value, err)
	}
	if section, name, ok := strings.Cut(path, "."); ok {
		if data[section] == nil {
			data[section] = make(map[string]any)
		}
		data, path = data[section].(map[string]any), name
	}
	data[path] = v
}

// properties returns the paths of all fields in a schema, prefixed with prefix.
func properties(schema *jsonschema.Schema, prefix string) (paths []string) {
	if schema.Ref != nil {
		paths = properties(schema.Ref, prefix)
	}
	for name, inner := range schema.Properties {
		paths = append(append(paths, join(prefix, name)), properties(inner, join(prefix, name))...)
	}
	slices.Sort(paths)
	return paths
}

// TestDatesMatchCalendar compares the dates that the schemas and ParseDate accept
// with package time, for existing and nonexistent days of several centuries.
func TestDatesMatchCalendar(t *testing.T) {
	schemas := compileSchemas(t)
	required := schemas["ledger.clock.v1"].Properties["friday"]
	optional := schemas["consumer.application_recorded.v1"].Properties["submitted_on"]
	years := []int{0, 1, 4, 99, 100, 200, 300, 400, 1582, 9996, 9999}
	for year := 1896; year <= 2104; year++ {
		years = append(years, year)
	}
	for _, year := range years {
		for month := range 14 {
			for day := range 34 {
				text := fmt.Sprintf("%04d-%02d-%02d", year, month, day)
				on := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
				exists := on.Year() == year && int(on.Month()) == month && on.Day() == day
				if required.Validate(text) == nil != exists || optional.Validate(text) == nil != exists {
					t.Errorf("schemas: %s is valid: required %t, optional %t, want %t", text, required.Validate(text) == nil, optional.Validate(text) == nil, exists)
				}
				if got, err := events.ParseDate(text); err == nil != exists || exists && (got != events.DateOf(on) || got.String() != text) {
					t.Errorf("ParseDate(%s) = %s, %v", text, got, err)
				}
			}
		}
	}
}
