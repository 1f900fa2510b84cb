package apidocs

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"bookledger/cmd/internal/service"
	"bookledger/events"
	"bookledger/projections"
	"bookledger/projections/checkpoint"
	"bookledger/projections/list"
	"bookledger/schemas"
)

// agreement holds types of Go against schemas of the description.
type agreement struct {
	*builder
	t *testing.T
}

func newAgreement(t *testing.T) agreement {
	t.Helper()
	root, err := parse(schemas.OpenAPIJSON())
	if err != nil {
		t.Fatal(err)
	}
	return agreement{&builder{document: document{root}}, t}
}

func (a agreement) schema(name string) node {
	return a.member("components").member("schemas").member(name)
}

// TestAnswersAgree demands that the answers are described with exactly the
// members that their types write: those that are always there as required.
func TestAnswersAgree(t *testing.T) {
	a := newAgreement(t)
	for name, answer := range map[string]any{
		"Case": service.CaseFile{}, "Acted": service.Acted{}, "Agency": service.Agency{}, "Transferred": service.Transferred{}, "Shelf": service.Shelf{},
		"Rejected": projections.Rejected{}, "Exported": projections.Exported{}, "Status": projections.Status{},
		"Coverage": list.Coverage{}, "Explanation": service.Explanation{}, "Differences": service.Differences{},
	} {
		a.want(name, a.schema(name), reflect.TypeOf(answer), true)
	}
}

// TestBodiesAgree demands that the bodies of requests are described with
// exactly the members that their types read.
func TestBodiesAgree(t *testing.T) {
	a := newAgreement(t)
	a.want("Search", a.schema("Search"), reflect.TypeFor[service.Asked](), false)
	a.want("Transfer", a.schema("Transfer"), reflect.TypeFor[service.Transfer](), false)
	for _, action := range a.schema("Action").member("enum").items {
		if !service.Action(action.text()).Known() {
			t.Errorf("there is no action %s", action.text())
		}
	}
	if answer := a.schema("Answer"); !answer.member("properties").member("accepted").there() || service.DisclaimerVersion != "1" {
		t.Error("the examples answer another disclaimer than the present")
	}
}

// TestEncodingsAgree demands the same of types that write themselves: what a
// blank one writes is required.
func TestEncodingsAgree(t *testing.T) {
	a := newAgreement(t)
	a.wantEncoded("Consumer", list.Entry{}, list.Entry{Requested: 20261121, AgentID: "A100001"})
	a.wantEncoded("ConsumerYear", list.EntryYear{}, list.EntryYear{})
	a.wantEncoded("Friday", checkpoint.Checkpoint{}, checkpoint.Checkpoint{})
}

// want compares a schema with a type.
func (a agreement) want(where string, schema node, of reflect.Type, answer bool) {
	a.t.Helper()
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	schema = a.at(schema)
	switch of {
	case reflect.TypeFor[time.Time]():
		a.wantMember(where, schema, "format", "date-time")
		return
	case reflect.TypeFor[events.Date](), reflect.TypeFor[events.Money]():
		a.wantMember(where, schema, "type", "string")
		return
	case reflect.TypeFor[events.Flag]():
		a.wantMember(where, schema, "type", "boolean")
		return
	}
	switch of.Kind() {
	case reflect.Struct:
		a.wantStruct(where, schema, of, answer)
	case reflect.Slice:
		a.wantMember(where, schema, "type", "array")
		a.want(where+"[]", schema.member("items"), of.Elem(), answer)
	case reflect.String:
		a.wantMember(where, schema, "type", "string")
	case reflect.Bool:
		a.wantMember(where, schema, "type", "boolean")
	case reflect.Int, reflect.Int64, reflect.Uint64:
		a.wantMember(where, schema, "type", "integer")
	default:
		a.t.Errorf("%s is %s, which is not compared", where, of)
	}
}

func (a agreement) wantMember(where string, schema node, name, want string) {
	a.t.Helper()
	if got := schema.member(name).text(); got != want {
		a.t.Errorf("%s has the %s %q, want %q", where, name, got, want)
	}
}

func (a agreement) wantStruct(where string, schema node, of reflect.Type, answer bool) {
	a.t.Helper()
	properties := schema.member("properties")
	written, always := map[string]bool{}, map[string]bool{}
	for _, f := range reflect.VisibleFields(of) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "-" {
			continue
		}
		written[name] = true
		if options == "" {
			always[name] = true
		}
		if p := properties.member(name); p.there() {
			a.want(where+"."+name, p, f.Type, answer)
		}
	}
	a.wantNames(where, schema, written, always, answer)
}

func (a agreement) wantNames(where string, schema node, written, always map[string]bool, answer bool) {
	a.t.Helper()
	if got, want := slices.Sorted(slices.Values(schema.member("properties").names)), slices.Sorted(maps.Keys(written)); !slices.Equal(got, want) {
		a.t.Errorf("%s has the members\n%q, want\n%q", where, got, want)
	}
	var required []string
	for _, name := range schema.member("required").items {
		required = append(required, name.text())
	}
	slices.Sort(required)
	if want := slices.Sorted(maps.Keys(always)); answer && !slices.Equal(required, want) {
		a.t.Errorf("%s requires\n%q, want\n%q", where, required, want)
	}
}

func (a agreement) wantEncoded(name string, blank, full any) {
	a.t.Helper()
	a.wantNames(name, a.schema(name), members(a.t, full), members(a.t, blank), true)
}

func members(t *testing.T, v any) map[string]bool {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(b, &object); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for name := range object {
		names[name] = true
	}
	return names
}
