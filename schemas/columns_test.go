package schemas

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// v1 lists the columns of the first column set by group, each with its field and
// kind.
var v1 = []struct{ group, columns string }{
	{"Case", "Case ID=case.id:text, Application Year=application.year:year, Household Type=household.type:text, Current Status=application.current_status:text, Next Steps=application.next_steps:text, Application Submitted=application.submitted_on:date"},
	{"Primary Contact", "Primary First Name=primary.first_name:text, Primary Last Name=primary.last_name:text, Phone=primary.phone:text, Email=primary.email:text, Address Line 1=address.line1:text, Address Line 2=address.line2:text, City=address.city:text, State=address.state:text, ZIP=address.zip:text, County=address.county:text, Spoken Language=primary.spoken_language:text, Written Language=primary.written_language:text"},
	{"Member", "Member ID=member.id:text, Member First Name=member.first_name:text, Member Last Name=member.last_name:text, Relationship=member.relationship:text, Date of Birth=member.date_of_birth:date, Gender=member.gender:text, SSN=member.ssn:text, Applying=member.applying:yesno"},
	{"Eligibility", "Program=eligibility.program:text, Eligibility Status=eligibility.status:text, CSR Level=eligibility.csr_level:text, Monthly APTC=eligibility.aptc_monthly:money, Verification Due=eligibility.verification_due_on:date"},
	{"Health Coverage", "Health Carrier=health.carrier:text, Health Plan=health.plan_name:text, HIOS Plan ID=health.hios_plan_id:text, Metal Tier=health.metal_tier:text, Coverage Start=health.coverage_start:date, Coverage End=health.coverage_end:date, Enrollment Status=health.status:text, Gross Premium=health.gross_premium:money, APTC Applied=health.aptc_applied:money, State Subsidy=health.state_subsidy:money, Net Premium=health.net_premium:money, Binder Payment=health.binder_status:text, Subscriber ID=health.subscriber_id:text"},
	{"Dental Coverage", "Dental Carrier=dental.carrier:text, Dental Plan=dental.plan_name:text, Dental Status=dental.status:text, Dental Net Premium=dental.net_premium:money"},
	{"Delegation", "Delegation Status=delegation.status:text, Delegated Since=delegation.since:date, Agent Name=agent.name:text, Agent License=agent.license:text"},
}

func TestColumnSet(t *testing.T) {
	set, err := ColumnSet("1")
	if err != nil {
		t.Fatal(err)
	}
	if set.Version != "1" || set.Title != "Book of Business" {
		t.Errorf("got version %q, title %q", set.Version, set.Title)
	}
	var got, want []string
	for _, c := range set.Columns {
		got = append(got, c.Group+": "+c.Header+"="+c.Field+":"+c.Kind)
		if c.Width < float64(len(c.Header)) {
			t.Errorf("%s: the header does not fit width %v", c.Header, c.Width)
		}
		if !strings.HasSuffix(c.Legend, ".") || !strings.Contains(c.Legend, "; ") {
			t.Errorf("%s: legend does not say in one sentence what the column contains and when it is empty: %s", c.Header, c.Legend)
		}
	}
	for _, g := range v1 {
		for column := range strings.SplitSeq(g.columns, ", ") {
			want = append(want, g.group+": "+column)
		}
	}
	if len(want) != 52 {
		t.Errorf("got %d columns in this test, want 52", len(want))
	}
	if !slices.Equal(got, want) {
		t.Errorf("columns:\n got %q\nwant %q", got, want)
	}
	for _, version := range []string{"", "0", "2", "01", "1.yaml", "../v1", "1/../v1"} {
		if _, err := ColumnSet(version); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("ColumnSet(%q): got %v, want fs.ErrNotExist", version, err)
		}
	}
}

// TestEmbeddedColumnSetsAreValid checks every embedded set against its schema,
// and the rules that a schema cannot express.
func TestEmbeddedColumnSetsAreValid(t *testing.T) {
	schema, err := newCompiler(t).Compile(urn + "columnset")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := fs.Glob(columnSets, "book/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		document, err := columnSets.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(asJSON(t, string(document))); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		version := strings.TrimSuffix(strings.TrimPrefix(path, "book/v"), ".yaml")
		set, err := ColumnSet(version)
		if err != nil || set.Version != version {
			t.Errorf("%s: got version %q (%v)", path, set.Version, err)
		}
		seen, group := map[string]bool{}, ""
		for _, c := range set.Columns {
			named := []string{"header " + strings.ToLower(c.Header), "field " + c.Field}
			if c.Group != group {
				named = append(named, "group "+c.Group)
				group = c.Group
			}
			for _, name := range named {
				if seen[name] {
					t.Errorf("%s: %s is repeated or not adjacent", path, name)
				}
				seen[name] = true
			}
		}
	}
	if set := CurrentColumns(); set.Version != currentColumns {
		t.Errorf("got current version %q, want %q", set.Version, currentColumns)
	}
}

// TestColumnSetSchemaRejectsFaults checks that the schema rejects sets that a
// reader could misunderstand.
func TestColumnSetSchemaRejectsFaults(t *testing.T) {
	schema, err := newCompiler(t).Compile(urn + "columnset")
	if err != nil {
		t.Fatal(err)
	}
	const good = "version: \"1\"\ntitle: T\ncolumns:\n  - {header: A, field: a.a, kind: text, width: 9, group: G, legend: L.}\n"
	for _, c := range []struct{ old, to string }{
		{"9", "255"}, {"L.", strings.Repeat("é", 250)},
	} {
		if err := schema.Validate(asJSON(t, strings.Replace(good, c.old, c.to, 1))); err != nil {
			t.Errorf("%q instead of %q: got %v, want valid", c.to, c.old, err)
		}
	}
	columns := good[strings.Index(good, "columns:"):]
	for _, c := range []struct{ old, to string }{
		{good, "[]"}, {"version: \"1\"\n", ""}, {`"1"`, `"01"`}, {"title: T\n", ""}, {"title: T", "title: T\nnote: N"},
		{columns, "columns: []\n"}, {columns, ""}, {columns, "columns: text\n"}, {columns, "columns:\n  - A\n"},
		{"header: A, ", ""}, {"field: a.a, ", ""}, {"kind: text, ", ""}, {"width: 9, ", ""}, {"group: G, ", ""}, {", legend: L.", ""},
		{"legend", "note: N, legend"}, {"a.a", "A.a"}, {"header: A", `header: ""`}, {"header: A", `header: "A\nB"`}, {"header: A", "header: [A]"},
		{"group: G", `group: "G\nH"`}, {"L.", strings.Repeat("é", 251)}, {"kind: text", "kind: number"}, {"9", "0"}, {"9", "wide"}, {"9", "256"},
	} {
		document := strings.Replace(good, c.old, c.to, 1)
		if document == good || schema.Validate(asJSON(t, document)) == nil {
			t.Errorf("%q instead of %q: got valid, want an error", c.to, c.old)
		}
	}
}

// asJSON converts YAML to the form that JSON validators expect.
func asJSON(t *testing.T, document string) any {
	t.Helper()
	text, err := yaml.YAMLToJSON([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(text) {
		t.Fatalf("not JSON: %s", text)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return value
}
