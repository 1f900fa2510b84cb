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

// v1 are the headers of the book's first column set, as the contracts list
// them, one group a line, each with its field and its kind.
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
		t.Errorf("version %q, title %q", set.Version, set.Title)
	}
	var got, want []string
	for _, c := range set.Columns {
		got = append(got, c.Group+": "+c.Header+"="+c.Field+":"+c.Kind)
		if c.Width < float64(len(c.Header)) {
			t.Errorf("%s: the header does not fit a width of %v", c.Header, c.Width)
		}
		if !strings.HasSuffix(c.Legend, ".") || !strings.Contains(c.Legend, "; ") {
			t.Errorf("%s: the legend does not say in a sentence what it holds and when it is empty: %s", c.Header, c.Legend)
		}
	}
	for _, g := range v1 {
		for column := range strings.SplitSeq(g.columns, ", ") {
			want = append(want, g.group+": "+column)
		}
	}
	if len(want) != 52 {
		t.Errorf("the contracts list 52 columns, this test %d", len(want))
	}
	if !slices.Equal(got, want) {
		t.Errorf("columns\n got %q\nwant %q", got, want)
	}
	for _, version := range []string{"", "0", "2", "01", "1.yaml", "../v1", "1/../v1"} {
		if _, err := ColumnSet(version); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("ColumnSet(%q): %v", version, err)
		}
	}
}

// A column set that a reader would misunderstand is refused by both the
// schema and the reader, but for what no schema can say.
func TestColumnSetFaults(t *testing.T) {
	schema, err := newCompiler(t).Compile(urn + "columnset")
	if err != nil {
		t.Fatal(err)
	}
	document, err := fs.ReadFile(FS(), "book/v1.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(asJSON(t, string(document))); err != nil {
		t.Errorf("v1.yaml: %v", err)
	}
	const column = "  - {header: A, field: a.a, kind: text, width: 9, group: G, legend: L.}\n"
	const head = "version: \"1\"\ntitle: T\ncolumns:\n"
	widest := strings.NewReplacer("width: 9", "width: 255", "legend: L.", "legend: "+strings.Repeat("é", 250)).Replace(column)
	for _, good := range []string{head + column, head + widest} {
		if _, err := parseColumns([]byte(good)); err != nil {
			t.Fatalf("a column set without fault: %v", err)
		}
		if err := schema.Validate(asJSON(t, good)); err != nil {
			t.Fatalf("a column set without fault: %v", err)
		}
	}
	second := func(old, new string) string {
		return head + column + strings.NewReplacer("header: A", "header: B", "a.a", "a.b", old, new).Replace(column)
	}
	for _, tc := range []struct {
		name, document string
		beyondSchema   bool
	}{
		{"a list", "[]", false},
		{"no version", strings.Replace(head, "version: \"1\"\n", "", 1) + column, false},
		{"version with leading zero", strings.Replace(head, "\"1\"", "\"01\"", 1) + column, false},
		{"unknown key at the top", "note: N\n" + head + column, false},
		{"no title", strings.Replace(head, "title: T\n", "", 1) + column, false},
		{"no columns", "version: \"1\"\ntitle: T\ncolumns: []\n", false},
		{"columns missing", "version: \"1\"\ntitle: T\n", false},
		{"columns not a list", "version: \"1\"\ntitle: T\ncolumns: text\n", false},
		{"a column that is text", head + "  - A\n", false},
		{"unknown key", head + strings.Replace(column, "legend", "note: N, legend", 1), false},
		{"no header", head + strings.Replace(column, "header: A, ", "", 1), false},
		{"no field", head + strings.Replace(column, "field: a.a, ", "", 1), false},
		{"field in capitals", head + strings.Replace(column, "a.a", "A.a", 1), false},
		{"header blank", head + strings.Replace(column, "header: A", "header: \"\"", 1), false},
		{"header of two lines", head + strings.Replace(column, "header: A", `header: "A\nB"`, 1), false},
		{"header a list", head + strings.Replace(column, "header: A", "header: [A]", 1), false},
		{"group of two lines", head + strings.Replace(column, "group: G", `group: "G\nH"`, 1), false},
		{"legend too long", head + strings.Replace(column, "legend: L.", "legend: "+strings.Repeat("é", 251), 1), false},
		{"no kind", head + strings.Replace(column, "kind: text, ", "", 1), false},
		{"unknown kind", head + strings.Replace(column, "text", "number", 1), false},
		{"no width", head + strings.Replace(column, "width: 9, ", "", 1), false},
		{"no room", head + strings.Replace(column, "width: 9", "width: 0", 1), false},
		{"width in words", head + strings.Replace(column, "width: 9", "width: wide", 1), false},
		{"too wide", head + strings.Replace(column, "width: 9", "width: 256", 1), false},
		{"width not a number", head + strings.Replace(column, "width: 9", "width: .nan", 1), true},
		{"no group", head + strings.Replace(column, "group: G, ", "", 1), false},
		{"no legend", head + strings.Replace(column, ", legend: L.", "", 1), false},
		{"header twice", strings.Replace(second("x", "x"), "header: B", "header: A", 1), true},
		{"field twice", strings.Replace(second("x", "x"), "a.b", "a.a", 1), true},
		{"group apart", second("group: G", "group: H") + strings.NewReplacer("header: A", "header: C", "a.a", "a.c").Replace(column), true},
		{"not YAML", head + "  - {", true},
	} {
		if set, err := parseColumns([]byte(tc.document)); err == nil {
			t.Errorf("%s: taken as %+v", tc.name, set)
		}
		if !tc.beyondSchema && schema.Validate(asJSON(t, tc.document)) == nil {
			t.Errorf("%s: the schema takes it", tc.name)
		}
	}
	if _, err := parseColumns([]byte(second("x", "x"))); err != nil {
		t.Errorf("two columns without fault: %v", err)
	}
}

// asJSON reads YAML as a validator of JSON sees it.
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
