package access_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"bookledger/events"
	"bookledger/projections/access"
	"bookledger/projections/fold"
)

// memoryState is one moment of a memoryState. The staff are staff of the agencies whose
// names begin with G1.
type memoryState struct {
	agents   map[string]fold.Agent
	agencies string
	cases    map[string]*fold.Case // by who holds them
}

func (l memoryState) Agent(id string) (fold.Agent, bool, error) {
	a, known := l.agents[id]
	return a, known, nil
}

func (l memoryState) Agency(id string) (fold.Agency, bool, error) {
	known := slices.Contains(strings.Fields(l.agencies), id)
	return fold.Agency{Registered: known}, known, nil
}

func (l memoryState) Staff(agency, person string) (fold.Staff, error) {
	role, is := strings.CutPrefix(person, "P-")
	if !is || !strings.HasPrefix(agency, "G1") {
		return fold.Staff{}, nil
	}
	return fold.Staff{Role: role}, nil
}

func (l memoryState) EachAgentOf(agency string, yield func(string, *fold.Agent) error) error {
	for id, a := range l.agents {
		if a.AgencyID == agency {
			if err := yield(id, &a); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l memoryState) EachHeld(agent string, yield func(string, *fold.Case) error) error {
	if c := l.cases[agent]; c != nil {
		return yield("1", c)
	}
	return nil
}

func agent(agency string, certified bool) fold.Agent {
	return fold.Agent{AgencyID: agency, EverCertified: agency != "", Certified: certified}
}

// now and then are the same ledger, as it is and as of a Friday.
var (
	now = memoryState{agencies: "G1 G1held G1late G1unnamed G2", agents: map[string]fold.Agent{
		"certified": agent("G1", true), "other": agent("G1", false), "stranger": agent("G2", true), "named": {},
		"moved": agent("G1", true), "otherMoved": agent("G1", false), "late": agent("G1late", true), "holding": agent("G1held", false), "kept": agent("G1unnamed", true),
		"unregistered": agent("G1none", true),
	}}
	then = memoryState{agencies: "G1 G1held G2", agents: map[string]fold.Agent{
		"certified": agent("G1", true), "other": agent("G1", true), "stranger": agent("G2", true), "named": {},
		"moved": agent("G2", true), "otherMoved": agent("G2", true), "holding": agent("G1held", true), "kept": agent("G1unnamed", true),
	}, cases: map[string]*fold.Case{
		"certified": {AgentID: "certified"}, "other": {AgentID: "other", Closed: true}, "holding": {AgentID: "holding"}, "kept": {AgentID: "kept"},
	}}
)

var roles = []access.Role{access.Agent, access.Manager, access.AdminL2, access.AdminL1, access.Auditor, access.Operator}

// person has some of the roles; of an agent they are the one who is named.
func person(self string, has ...access.Role) access.Person {
	p := access.Person{ID: "nobody", AgentID: "somebody"}
	for _, role := range has {
		switch role {
		case access.Agent:
			p.AgentID = self
		case access.Auditor:
			p.Auditor = true
		case access.Operator:
			p.Operator = true
		default:
			p.ID = "P-" + string(role)
		}
	}
	return p
}

// parseTable reads a table: the cell of a column and a role.
func parseTable(t *testing.T, table string) (columns []string, cell func(column string, role access.Role) string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(table), "\n")
	columns = strings.Fields(lines[0])
	if len(lines) != 1+len(roles) {
		t.Fatalf("the table has %d lines", len(lines))
	}
	all := map[string]string{}
	for i, line := range lines[1:] {
		words := strings.Fields(line)
		if words[0] != string(roles[i]) || len(words) != 1+len(columns) {
			t.Fatalf("the line of %s is %q", roles[i], line)
		}
		for j, column := range columns {
			all[column+" "+words[0]] = words[1+j]
		}
	}
	return columns, func(column string, role access.Role) string { return all[column+" "+string(role)] }
}

// roleSets are all roles that one person can have at once.
func roleSets() (all [][]access.Role) {
	for set := range 1 << len(roles) {
		var has []access.Role
		staff := 0
		for i, role := range roles {
			if set>>i&1 == 1 {
				has = append(has, role)
				if i >= 1 && i <= 3 {
					staff++
				}
			}
		}
		if staff <= 1 {
			all = append(all, has)
		}
	}
	return all
}

// rights are who may see, act, transfer, look at the ledger's figures (f) and
// audit (u): an agent themselves, and staff of G1.
const rights = `
          certified  other  named  unknown  stranger  G1   G1none  G2  G0  ledger
agent     sa         -      -      -        -         -    -       -   -   -
manager   sat        st     -      -        -         sat  sat     -   -   -
admin_l2  st         st     -      -        -         st   st      -   -   -
admin_l1  s          -      -      -        -         s    s       -   -   -
auditor   s          s      s      -        s         s    -       s   -   fu
operator  -          s      s      -        -         -    -       -   -   f`

func letters(g access.Grant) (s string) {
	for i, r := range [...]access.Right{access.See, access.Act, access.Transfer, access.ViewLedger, access.Audit} {
		if g.May(r) {
			s += "satfu"[i : i+1]
		}
	}
	return s
}

func ownerOf(column string) access.Owner {
	if strings.HasPrefix(column, "G") {
		return access.Owner{Agency: column}
	}
	return access.Owner{Agent: column}
}

// TestRightsOfEveryRoleSet walks every cell of the table, and every combination of roles: a
// person has the rights of all of them, and acts in the first.
func TestRightsOfEveryRoleSet(t *testing.T) {
	columns, cell := parseTable(t, rights)
	for _, column := range columns {
		for _, has := range roleSets() {
			self := column
			if column == "stranger" {
				self = "certified"
			}
			g, err := access.LedgerGrantFor(person(self, has...))
			if column != "ledger" {
				g, err = access.GrantFor(now, person(self, has...), ownerOf(column))
			}
			want, role := "", access.Role("")
			for _, r := range "satfu" {
				for _, one := range has {
					if strings.ContainsRune(cell(column, one), r) {
						want += string(r)
						break
					}
				}
			}
			for _, one := range slices.Backward(has) {
				if cell(column, one) != "-" {
					role = one
				}
			}
			if letters(g) != want || g.Role != role || errors.Is(err, access.NotVisible) != (want == "") || want != "" && err != nil {
				t.Errorf("%v of %s: %s as %q (%v), want %s as %q", has, column, letters(g), g.Role, err, want, role)
			}
			if g.Act() && !strings.Contains(cell(column, role), "a") {
				t.Errorf("%v of %s act as %s, which does not permit it", has, column, role)
			}
		}
	}
}

// TestNobodyActsForUncertifiedAgents holds that nobody acts in the place of an agent who is not
// certified, through the agency's lists either.
func TestNobodyActsForUncertifiedAgents(t *testing.T) {
	_, cell := parseTable(t, rights)
	for _, agent := range [...]string{"certified", "other", ""} {
		for _, owner := range [...]string{"certified", "other", "G1"} {
			for _, role := range roles {
				_, err := access.MayAct(now, person("certified", role), ownerOf(owner), agent)
				may := strings.Contains(cell(owner, role), "a") && (agent == "" || strings.Contains(cell(agent, role), "a"))
				if may != (err == nil) {
					t.Errorf("%s of %s for %q: %v", role, owner, agent, err)
				}
			}
		}
	}
}

// TestMayTransfer holds who moves consumers, and between which agents.
func TestMayTransfer(t *testing.T) {
	for _, c := range []struct {
		role             access.Role
		agency, from, to string
		want             error
	}{
		{access.Manager, "G1", "certified", "moved", nil}, {access.Manager, "G1", "other", "certified", nil}, {access.AdminL2, "G1", "certified", "moved", nil},
		{access.Manager, "G1", "", "", nil}, {access.AdminL1, "G1", "", "", access.MayNotTransfer},
		{access.AdminL1, "G1", "certified", "moved", access.MayNotTransfer}, {access.Auditor, "G1", "certified", "moved", access.MayNotTransfer},
		{access.Agent, "G1", "certified", "moved", access.NotVisible}, {access.Operator, "G1", "certified", "moved", access.NotVisible},
		{access.Manager, "G2", "stranger", "certified", access.NotVisible},
		{access.Manager, "G1", "stranger", "certified", access.FromOtherAgency}, {access.Manager, "G1", "unknown", "certified", access.FromOtherAgency},
		{access.Manager, "G1", "certified", "stranger", access.ToOtherAgency}, {access.Manager, "G1", "certified", "unknown", access.ToOtherAgency},
		{access.Manager, "G1", "certified", "other", access.ToUncertified},
	} {
		role, err := access.MayTransfer(now, person("certified", c.role), c.agency, c.from, c.to)
		if err != c.want || (err == nil) != (role == c.role) {
			t.Errorf("%+v: as %q (%v)", c, role, err)
		}
	}
}

// TestInLists holds whose consumers an agency's lists hold for whom.
func TestInLists(t *testing.T) {
	for role, want := range map[access.Role]string{
		access.Manager: "certified other", access.AdminL2: "certified other", access.AdminL1: "certified", access.Auditor: "certified other",
	} {
		var got []string
		for _, id := range [...]string{"certified", "other", "stranger", "named", "unknown", ""} {
			in, err := access.InLists(now, person("", role), access.Owner{Agency: "G1"}, id)
			if in {
				got = append(got, id)
			}
			if own, _ := access.InLists(now, person("", role), access.Owner{Agent: "certified"}, id); err != nil || own != (id == "certified") {
				t.Errorf("%s, %s of an agent: %v (%v)", role, id, own, err)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("for %s there are %q, want %q", role, got, want)
		}
	}
}

// downloads are who may take whose book: of one of the last Fridays or, in the
// columns with a +, of an earlier one.
const downloads = `
          certified  certified+  moved    moved+   late     other  other+  otherMoved+  stranger  G1   G1+  G1held  G1held+  G1unnamed  G1late
agent     yes        last        yes      last     unknown  -      -       -            -         -    -    -       -        -          -
manager   yes        yes         elsewh.  elsewh.  unknown  yes    yes     elsewh.      -         yes  yes  yes     yes      yes        nobody
admin_l2  yes        yes         elsewh.  elsewh.  unknown  yes    yes     elsewh.      -         yes  yes  yes     yes      yes        nobody
admin_l1  yes        yes         elsewh.  elsewh.  unknown  -      -       -            -         yes  yes  holds   holds    yes        nobody
auditor   yes        yes         yes      yes      unknown  yes    yes     yes          yes       yes  yes  yes     yes      yes        nobody
operator  -          -           -        -        -        yes    yes     yes          -         -    -    -       -        -          -`

var refusals = map[string]error{
	"yes": nil, "-": access.NotVisible, "last": access.NotRecentFriday, "elsewh.": access.AgentInOtherAgency, "holds": access.HasUncertifiedConsumers,
	"unknown": access.AgentUnknown, "nobody": access.AgencyUnknown,
}

// TestDownloadsOfEveryRoleSet walks every cell of the table, and every combination of roles, of
// which one alone must be enough. What is decided again for the trail is the
// same for each role, and for a role that the person does not have nothing.
func TestDownloadsOfEveryRoleSet(t *testing.T) {
	columns, cell := parseTable(t, downloads)
	for _, column := range columns {
		name, past := strings.CutSuffix(column, "+")
		self := name
		if name == "stranger" {
			self = "certified"
		}
		for _, has := range roleSets() {
			p := person(self, has...)
			role, err := access.MayDownload(now, then, p, ownerOf(name), !past)
			want, wantRole := access.NotVisible, access.Role("")
			for _, one := range has {
				why, known := refusals[cell(column, one)]
				if !known {
					t.Fatalf("%s of %s is in no cell", one, column)
				}
				if why == nil {
					want, wantRole = "", one
					break
				}
				if why != access.NotVisible {
					want = why.(access.Refusal)
				}
			}
			if role != wantRole || want == "" && err != nil || want != "" && err != want {
				t.Errorf("%v of %s: as %q (%v), want %q (%v)", has, column, role, err, wantRole, want)
			}
		}
		for _, role := range roles {
			// The trail's role is believed in who is an agent, and says whose book it is.
			if name == "stranger" && role == access.Agent {
				continue
			}
			if err := access.CouldDownload(now, then, "P-"+string(role), role, ownerOf(name), !past); err != refusals[cell(column, role)] {
				t.Errorf("again, %s of %s: %v, want %s", role, column, err, cell(column, role))
			}
			if err := access.CouldDownload(now, then, "P-manager", access.AdminL2, ownerOf(name), !past); err != access.NotVisible {
				t.Errorf("again, a manager as level 2 of %s: %v", column, err)
			}
		}
	}
}

// TestFirstRecentFriday holds how many Fridays an agent may go back.
func TestFirstRecentFriday(t *testing.T) {
	for n, want := range map[int]events.Date{1: 20261120, 5: 20261023} {
		if got := access.FirstRecentFriday(events.DefaultCalendar(), 20261127, n); got != want {
			t.Errorf("the first of the last %d is %s, want %s", n, got, want)
		}
	}
}
