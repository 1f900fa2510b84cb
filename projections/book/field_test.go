package book_test

import (
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/fold"
	"bookledger/schemas"
)

// headers lists the columns of column set 1 as in the contract.
const headers = "Case ID, Application Year, Household Type, Current Status, Next Steps, Application Submitted, " +
	"Primary First Name, Primary Last Name, Phone, Email, Address Line 1, Address Line 2, City, State, ZIP, County, Spoken Language, Written Language, " +
	"Member ID, Member First Name, Member Last Name, Relationship, Date of Birth, Gender, SSN, Applying, " +
	"Program, Eligibility Status, CSR Level, Monthly APTC, Verification Due, " +
	"Health Carrier, Health Plan, HIOS Plan ID, Metal Tier, Coverage Start, Coverage End, Enrollment Status, Gross Premium, APTC Applied, State Subsidy, Net Premium, Binder Payment, Subscriber ID, " +
	"Dental Carrier, Dental Plan, Dental Status, Dental Net Premium, " +
	"Delegation Status, Delegated Since, Agent Name, Agent License"

// fullCase returns a case without blank fields.
func fullCase() *fold.Case {
	return &fold.Case{
		Household: events.HouseholdRecorded{
			PrimaryContact: events.Contact{FirstName: "Ana", LastName: "Ruiz", Phone: "5555555555", Email: "ana@example.com",
				DateOfBirth: 19800101, SSNLast4: "7880", SpokenLanguage: "Spanish", WrittenLanguage: "English"},
			Address: events.Address{Line1: "12345 Main St", Line2: "Apt 4", City: "Sacramento", State: "CA", ZIP: "05838", County: "Yolo"},
		},
		Applications: []events.ApplicationRecorded{{ApplicationYear: 2026, CurrentStatus: "eligible", NextSteps: "none", SubmittedOn: 20251103}},
		Members: []events.Member{{MemberID: "007", FirstName: "Bo", LastName: "Diaz", DateOfBirth: 20010203, Gender: "male",
			SSNLast4: "0042", Relationship: "pending", Applying: events.Yes}},
		Eligibility: []events.EligibilityDetermined{{MemberID: "007", ApplicationYear: 2026, Program: "covered_california",
			Status: "conditionally_eligible", APTCMonthly: events.Cents(41233), CSRLevel: "94", VerificationDueOn: 20260131}},
		Enrollments: []events.EnrollmentRecorded{
			{EnrollmentID: "n1", ApplicationYear: 2026, CoverageKind: "health", MemberIDs: []string{"007"}, Carrier: "Kaiser", PlanName: "Silver 94",
				HIOSPlanID: "40513CA0390001", MetalTier: "Silver", CoverageStart: 20260101, CoverageEnd: 20261231, Status: "enrolled",
				GrossPremium: events.Cents(50000), APTCApplied: events.Cents(41233), StateSubsidy: events.Cents(0), NetPremium: events.Cents(8767),
				BinderStatus: "cancelled", SubscriberID: "000123"},
			{EnrollmentID: "n2", ApplicationYear: 2026, CoverageKind: "dental", MemberIDs: []string{"007"}, Carrier: "Delta", PlanName: "Dental HMO",
				Status: "terminated", NetPremium: events.Cents(1205)},
		},
	}
}

// fullRow lists the values in the row of fullCase by column: enumerated values
// as display texts, free text unchanged even if it equals an enumerated value.
const fullRow = "5000032500|2026|Covered California|eligible|none|2025-11-03|" +
	"Ana|Ruiz|5555555555|ana@example.com|12345 Main St|Apt 4|Sacramento|CA|05838|Yolo|Spanish|English|" +
	"007|Bo|Diaz|pending|2001-02-03|male|XXX-XX-0042|Yes|" +
	"Covered California|Conditionally Eligible|94|412.33|2026-01-31|" +
	"Kaiser|Silver 94|40513CA0390001|Silver|2026-01-01|2026-12-31|Enrolled|500.00|412.33|0.00|87.67|cancelled|000123|" +
	"Delta|Dental HMO|Terminated|12.05|" +
	"Active|2026-11-20|Pat Lee|0A1"

// TestColumnsMatchFields checks that every column of set 1 is in its place,
// names a known field, and shows that field as a value of its kind.
func TestColumnsMatchFields(t *testing.T) {
	set, err := schemas.ColumnSet("1")
	if err != nil {
		t.Fatal(err)
	}
	l := newState()
	l.agents["a1"] = fold.Agent{FirstName: "Pat", LastName: "Lee", LicenseNumber: "0A1", EverCertified: true, Certified: true}
	l.hold("5000032500", "a1", fullCase())
	row := &agentBook(t, l, 20260703, "a1").Rows[0]
	kinds := map[string]book.Kind{
		schemas.KindText: book.Text, schemas.KindDate: book.Date, schemas.KindMoney: book.Money, schemas.KindYear: book.Year, schemas.KindYesNo: book.Text,
	}
	wantHeaders, wantCells := strings.Split(headers, ", "), strings.Split(fullRow, "|")
	if len(set.Columns) != len(wantHeaders) || len(wantCells) != len(wantHeaders) {
		t.Fatalf("got %d columns, want %d", len(set.Columns), len(wantHeaders))
	}
	for i, c := range set.Columns {
		v := value(t, row, c.Field)
		if c.Header != wantHeaders[i] || v.String() != wantCells[i] || v.Kind != kinds[c.Kind] {
			t.Errorf("column %d: got %s of kind %s with %q of kind %d, want %s with %q", i+1, c.Header, c.Kind, v, v.Kind, wantHeaders[i], wantCells[i])
		}
	}
	if _, known := book.FieldByName("case.secret"); known {
		t.Error("FieldByName found case.secret, which does not exist")
	}
}

// TestBlankCells checks that fields that do not apply or are not known are
// blank, except those that every row fills.
func TestBlankCells(t *testing.T) {
	set, err := schemas.ColumnSet("1")
	if err != nil {
		t.Fatal(err)
	}
	l := newState()
	l.hold("1", "a1", &fold.Case{})
	l.hold("2", "a1", &fold.Case{ // sections without values
		Members: []events.Member{{MemberID: "m1"}}, Applications: []events.ApplicationRecorded{{ApplicationYear: 2026}},
		Eligibility: []events.EligibilityDetermined{{MemberID: "m1", ApplicationYear: 2026}},
		Enrollments: []events.EnrollmentRecorded{{ApplicationYear: 2026, CoverageKind: "health", MemberIDs: []string{"m1"}}},
	})
	b := agentBook(t, l, 20260703, "a1")
	filled := map[string]string{"Case ID": "1", "Delegation Status": "Active", "Delegated Since": "2026-11-20"}
	for i := range b.Rows {
		for _, c := range set.Columns {
			v := value(t, &b.Rows[i], c.Field)
			if v.String() != filled[c.Header] || (v.Kind == book.Empty) != (filled[c.Header] == "") {
				t.Errorf("row %d, %s: got %q of kind %d, want %q", i+1, c.Header, v, v.Kind, filled[c.Header])
			}
		}
		filled["Case ID"], filled["Application Year"], filled["Member ID"] = "2", "2026", "m1"
	}
}

// TestLabels checks the display texts of enumerated values and booleans, and the
// masked SSN.
func TestLabels(t *testing.T) {
	for value, want := range map[string]string{
		"covered_california": "Covered California", "medi_cal": "Medi-Cal", "mcap": "MCAP", "cchip": "CCHIP", "none": "None",
		"eligible": "Eligible", "conditionally_eligible": "Conditionally Eligible", "ineligible": "Ineligible", "pending": "Pending",
		"enrolled": "Enrolled", "cancelled": "Cancelled", "terminated": "Terminated", "": "",
	} {
		if got := book.Label(value); got != want {
			t.Errorf("%s: got %q, want %q", value, got, want)
		}
	}
	if got := book.MaskSSN("1234"); got != "XXX-XX-1234" {
		t.Errorf("1234: got %q, want XXX-XX-1234", got)
	}
	if got := book.MaskSSN(""); got != "" {
		t.Errorf("blank SSN: got %q, want blank", got)
	}
	l := newState()
	c := l.hold("1", "a1", fullCase())
	c.Members[0].Applying, c.Inactive = events.No, true
	if got := shown(t, agentBook(t, l, 20260703, "a1"), "member.applying", "delegation.status"); got != "No|Inactive" {
		t.Errorf("got %s", got)
	}
}

// TestSortKey checks sort keys: NFD, marks removed, case-folded.
func TestSortKey(t *testing.T) {
	for _, alike := range [][]string{
		{"jose", "José", "JOSE", "Jose\u0301", "JOSÉ"},
		{"nunez", "Núñez", "NUNEZ"},
		{"strasse", "Straße", "STRASSE"},
		{"zoe o'hara-lee", "Zoë O'Hara-Lee"},
		{"", "\u0301"},
		{"nguyen van an", "Nguyễn Văn An"},
		{"σοφοσ", "σοφος", "Σοφός", "ΣΟΦΌΣ"},
		{"i", "İ", "I"},
		{"李", "李"},
	} {
		for _, name := range alike {
			if got := book.SortKey(name); got != alike[0] {
				t.Errorf("%q: got key %q, want %q", name, got, alike[0])
			}
		}
	}
	for _, pair := range [][2]string{{"", "a"}, {"alma", "Zoe"}, {"Émile", "Fay"}, {"Nuñez", "Nunn"}} {
		if book.SortKey(pair[0]) >= book.SortKey(pair[1]) {
			t.Errorf("got %q sorted after %q", pair[0], pair[1])
		}
	}
}

// TestSortKeyMatchesUnicodeTransforms compares sort keys with the result of the
// three Unicode transforms in sequence.
func TestSortKeyMatchesUnicodeTransforms(t *testing.T) {
	steps := transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.M)), cases.Fold())
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("aÉéñÑßİıΣς \u0301Åǅﬁ'")))).Draw(t, "name")
		want, _, err := transform.String(steps, name)
		if got := book.SortKey(name); err != nil || got != want {
			t.Fatalf("%q: got key %q, want %q (%v)", name, got, want, err)
		}
	})
}
