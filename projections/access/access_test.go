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

// memoryState is a state in memory. In agencies whose names start with G1, a
// person with the id P-ROLE has that role.
type memoryState struct {
	agents   map[string]fold.Agent
	agencies string
	cases    map[string]*fold.Case // by agent; at most one each
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

// now and then are the same ledger at present and at a past Friday. The agents of G1
// are named for what the tests check about them.
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

// person returns a person with the given roles. With the role of an agent, the
// person is the agent self.
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

// parseTable parses a table with one row per role. The function cell returns the
// cell of a column and a role.
func parseTable(t *testing.T, table string) (columns []string, cell func(column string, role access.Role) string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(table), "\n")
	columns = strings.Fields(lines[0])
	if len(lines) != 1+len(roles) {
		t.Fatalf("got %d lines in the table, want %d", len(lines), 1+len(roles))
	}
	all := map[string]string{}
	for i, line := range lines[1:] {
		words := strings.Fields(line)
		if words[0] != string(roles[i]) || len(words) != 1+len(columns) {
			t.Fatalf("got line %q for %s", line, roles[i])
		}
		for j, column := range columns {
			all[column+" "+words[0]] = words[1+j]
		}
	}
	return columns, func(column string, role access.Role) string { return all[column+" "+string(role)] }
}

// roleSets returns all sets of roles that one person can have.
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

// rights lists who may see (s), act (a), transfer (t), view the ledger (f) and audit
// (u). The agent acts for themselves; the staff are staff of G1.
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

// TestRightsOfEveryRoleSet checks every cell of the table and every set of
// roles. A person has the rights of all roles together and acts in the first
// one.
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
				t.Errorf("%v with %s: got rights %q as %q (%v), want %q as %q", has, column, letters(g), g.Role, err, want, role)
			}
			if g.Act() && !strings.Contains(cell(column, role), "a") {
				t.Errorf("%v with %s: got role %s, which may not act", has, column, role)
			}
		}
	}
}

// TestNobodyActsForUncertifiedAgents checks MayAct for single roles, through the
// lists of agents and of the agency.
func TestNobodyActsForUncertifiedAgents(t *testing.T) {
	_, cell := parseTable(t, rights)
	for _, agent := range [...]string{"certified", "other", ""} {
		for _, owner := range [...]string{"certified", "other", "G1"} {
			for _, role := range roles {
				_, err := access.MayAct(now, person("certified", role), ownerOf(owner), agent)
				may := strings.Contains(cell(owner, role), "a") && (agent == "" || strings.Contains(cell(agent, role), "a"))
				if may != (err == nil) {
					t.Errorf("%s with %s, agent %q: got %v, want allowed %t", role, owner, agent, err, may)
				}
			}
		}
	}
}

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
			t.Errorf("%+v: got role %q (%v)", c, role, err)
		}
	}
}

// TestInLists checks for every role which agents' consumers are in the agency's
// lists.
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
				t.Errorf("%s, agent %s in the lists of an agent: got %v (%v)", role, id, own, err)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got agents %q, want %q", role, got, want)
		}
	}
}

// downloads lists who may download which book: of a recent Friday or, in columns with a
// plus sign, of an earlier Friday. A cell is yes or the name of a refusal below.
const downloads = `
          certified  certified+  moved    moved+   late     other  other+  otherMoved+  stranger  G1   G1+  G1held  G1held+  G1unnamed  G1late
agent     yes        old         yes      old      unknown  -      -       -            -         -    -    -       -        -          -
manager   yes        yes         other    other    unknown  yes    yes     other        -         yes  yes  yes     yes      yes        noagency
admin_l2  yes        yes         other    other    unknown  yes    yes     other        -         yes  yes  yes     yes      yes        noagency
admin_l1  yes        yes         other    other    unknown  -      -       -            -         yes  yes  uncert. uncert.  yes        noagency
auditor   yes        yes         yes      yes      unknown  yes    yes     yes          yes       yes  yes  yes     yes      yes        noagency
operator  -          -           -        -        -        yes    yes     yes          -         -    -    -       -        -          -`

var refusals = map[string]error{
	"yes": nil, "-": access.NotVisible, "old": access.NotRecentFriday, "other": access.AgentInOtherAgency, "uncert.": access.HasUncertifiedConsumers,
	"unknown": access.AgentUnknown, "noagency": access.AgencyUnknown,
}

// TestDownloadsOfEveryRoleSet checks every cell of the table and every set of
// roles, one of which must permit the download by itself. CouldDownload must
// agree with the table for each role, and refuse a role that the person does not
// have.
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
				refusal, known := refusals[cell(column, one)]
				if !known {
					t.Fatalf("%s of %s: unknown cell", one, column)
				}
				if refusal == nil {
					want, wantRole = "", one
					break
				}
				if refusal != access.NotVisible {
					want = refusal.(access.Refusal)
				}
			}
			if role != wantRole || want == "" && err != nil || want != "" && err != want {
				t.Errorf("%v with %s: got role %q (%v), want %q (%v)", has, column, role, err, wantRole, want)
			}
		}
		for _, role := range roles {
			// CouldDownload trusts the role of an agent and derives the agent from the owner.
			if name == "stranger" && role == access.Agent {
				continue
			}
			if err := access.CouldDownload(now, then, "P-"+string(role), role, ownerOf(name), !past); err != refusals[cell(column, role)] {
				t.Errorf("CouldDownload, %s with %s: got %v, want %s", role, column, err, cell(column, role))
			}
			if err := access.CouldDownload(now, then, "P-manager", access.AdminL2, ownerOf(name), !past); err != access.NotVisible {
				t.Errorf("CouldDownload, a manager as admin_l2 with %s: got %v, want %v", column, err, access.NotVisible)
			}
		}
	}
}

func TestFirstRecentFriday(t *testing.T) {
	for n, want := range map[int]events.Date{1: 20261120, 5: 20261023} {
		if got := access.FirstRecentFriday(events.DefaultCalendar(), 20261127, n); got != want {
			t.Errorf("last %d Fridays: got %s, want %s", n, got, want)
		}
	}
}
