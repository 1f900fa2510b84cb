package portal

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"bookledger/cmd/internal/service"
)

// frame is what stands around the main part of every page.
type frame struct {
	Title   string
	Data    any    // what its main part shows
	Refresh string // after how many seconds the page asks for itself again, without script
	Name    string // of who has signed in
	Role    string // in words
	Menus   []menu
	Demo    bool
	Session *session
}

// menu is a part of the navigation: a link, or a name with several.
type menu struct {
	Name    string
	To      string
	Links   []link
	Current bool
}

type link struct {
	Name    string
	To      string
	Current bool
}

// session is how long somebody stays signed in without doing anything.
type session struct {
	Left   int    // seconds until the session ends
	Before int    // seconds before that, when one is asked
	Warn   int    // seconds until then, for pages without script
	Ending string // where
	SignIn string // where one goes when it has ended
}

// warnBefore is how long before a session ends one is asked whether to go on;
// of a short session it is a third.
const warnBefore = 2 * time.Minute

// fill adds what every page has.
func (p *Portal) fill(r *http.Request, f *frame) {
	f.Demo = p.Demo
	c, ok := caller(r)
	if !ok {
		return
	}
	f.Name = c.Name
	if f.Name == "" {
		f.Name = c.ID
	}
	f.Session = p.session(r)
	h, err := p.Service.Home(c)
	if err != nil {
		h = &service.Home{} // the page itself may say why
	}
	f.Role = rolesOf(h)
	f.Menus = menus(h, r.URL.Path)
}

// session tells when a request's session ends, nil where it has none.
func (p *Portal) session(r *http.Request) *session {
	idle, _, ok := p.Identity.Deadlines(r)
	if !ok {
		return nil
	}
	here := "/"
	if r.Method == http.MethodGet {
		here = localPath(addressOf(r))
	}
	left := idle.Sub(p.Identity.Now())
	before := min(warnBefore, left/3)
	return &session{
		Left: int(left / time.Second), Before: int(before / time.Second), Warn: max(1, int((left-before)/time.Second)),
		Ending: "/session/ending?" + url.Values{"to": {here}}.Encode(), SignIn: signInPath(here),
	}
}

// menus are the parts of the navigation that somebody has use for.
func menus(h *service.Home, path string) []menu {
	all := []menu{{Name: "Home", To: "/"}}
	if h.Agent != "" {
		base := basePath(service.Owner{Agent: h.Agent})
		all = append(all, menu{Name: "Delegations", Links: delegations(base)}, menu{Name: "Books", To: base + "/books"})
	}
	for _, a := range h.Agencies {
		base := basePath(service.Owner{Agency: a.AgencyID})
		m := menu{Name: "Agency", Links: append([]link{{Name: "Agents", To: base + "/agents"}}, delegations(base)...)}
		if len(h.Agencies) > 1 {
			m.Name = a.Name
		}
		m.Links = append(m.Links, link{Name: "Books", To: base + "/books"})
		all = append(all, m)
	}
	if h.SeesLedger {
		all = append(all, menu{Name: "Ledger", To: "/ledger"})
	}
	if h.MayAudit {
		all = append(all, menu{Name: "Audit", Links: []link{
			{Name: "Explain a Case", To: explainPath}, {Name: "Compare Books", To: comparePath}, {Name: "Downloads", To: downloadsPath},
		}})
	}
	for i := range all {
		all[i].Current = all[i].To == path
		for j := range all[i].Links {
			l := &all[i].Links[j]
			l.Current = l.To == path
			all[i].Current = all[i].Current || l.Current || strings.HasPrefix(path, l.To+"/")
		}
	}
	return all
}

func delegations(base string) []link {
	return []link{
		{Name: "Active Consumers", To: base + "/active"},
		{Name: "Pending Requests", To: base + "/pending"},
		{Name: "Inactive Consumers", To: base + "/inactive"},
	}
}

// rolesOf are somebody's roles in words.
func rolesOf(h *service.Home) string {
	var roles []string
	if h.Agent != "" {
		roles = append(roles, "Agent")
	}
	for _, a := range h.Agencies {
		name := roleName(string(a.Role))
		if len(h.Agencies) > 1 || h.Agent != "" {
			name += " of " + a.Name
		}
		roles = append(roles, name)
	}
	if h.Auditor {
		roles = append(roles, "Auditor")
	}
	if h.Operator {
		roles = append(roles, "Operator")
	}
	return strings.Join(roles, ", ")
}
