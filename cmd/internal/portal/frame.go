package portal

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"bookledger/cmd/internal/service"
)

// frame is the data of a whole page: its main part and what surrounds it.
type frame struct {
	Title   string
	Data    any    // of the main part
	Refresh string // content of the refresh tag for browsers without script
	Name    string // of the signed-in person
	Role    string // displayed roles of the person
	Menus   []menu
	Demo    bool
	Session *session
}

// menu is an entry of the main menu: a single link, or a submenu.
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

// session contains the data of the inactivity warning.
type session struct {
	Left        int    // seconds until the session ends
	WarnSeconds int    // seconds before the end at which the script warns
	WarnIn      int    // seconds until the warning, for browsers without script
	EndingPath  string // the page with the warning, for browsers without script
	SignInPath  string // where to go after the session has ended
}

// warnBefore is how long before the end of a session the portal warns. Short
// sessions warn after two thirds of their time.
const warnBefore = 2 * time.Minute

// fillFrame sets the fields that every page has.
func (p *Portal) fillFrame(r *http.Request, f *frame) {
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
		h = &service.Home{} // the page itself may show the error
	}
	f.Role = roleText(h)
	f.Menus = menus(h, r.URL.Path)
}

// session returns when the session of a request ends, or nil without a session.
func (p *Portal) session(r *http.Request) *session {
	idle, _, ok := p.Identity.Deadlines(r)
	if !ok {
		return nil
	}
	current := "/"
	if r.Method == http.MethodGet {
		current = localPath(returnPath(r))
	}
	left := idle.Sub(p.Identity.Now())
	before := min(warnBefore, left/3)
	return &session{
		Left: int(left / time.Second), WarnSeconds: int(before / time.Second), WarnIn: max(1, int((left-before)/time.Second)),
		EndingPath: "/session/ending?" + url.Values{"to": {current}}.Encode(), SignInPath: signInPath(current),
	}
}

// menus returns the main menu for a person.
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
		all = append(all, menu{Name: "Ledger status", To: "/ledger"})
	}
	if h.MayAudit {
		all = append(all, menu{Name: "Audit", Links: []link{
			{Name: "Explain a case", To: explainPath}, {Name: "Compare books", To: comparePath}, {Name: "Downloads", To: downloadsPath},
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

// roleText returns the displayed roles of a person.
func roleText(h *service.Home) string {
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
