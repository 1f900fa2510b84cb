package portal

import (
	"cmp"
	"errors"
	"mime"
	"net/http"
	"net/url"

	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
)

// owner is whose lists and books a request's path names.
func owner(r *http.Request) service.Owner {
	return service.Owner{Agent: r.PathValue("agent"), Agency: r.PathValue("agency")}
}

// basePath is where everything of an owner is.
func basePath(o service.Owner) string {
	if o.Agent != "" {
		return "/agents/" + url.PathEscape(o.Agent)
	}
	return "/agencies/" + url.PathEscape(o.Agency)
}

// about is what a page says of the owner whose page it is.
type about struct {
	*service.OwnerInfo
	Base string
	Own  bool // it is the caller's own
	// Auditor tells that the caller may see how it came to be so.
	Auditor bool
}

// about returns what a page says of an owner who is open to the caller.
func (p *Portal) about(c service.Caller, o service.Owner) (about, error) {
	a, err := p.Service.About(c, o)
	if err != nil {
		return about{}, err
	}
	return newAbout(c, a), nil
}

func newAbout(c service.Caller, a *service.OwnerInfo) about {
	return about{OwnerInfo: a, Base: basePath(a.Owner), Own: a.Owner.Agent != "" && a.Owner.Agent == c.AgentID, Auditor: c.MayAudit() == nil}
}

// Of is the owner's id.
func (a about) Of() string { return cmp.Or(a.Owner.Agent, a.Owner.Agency) }

// OfAgency reports whether it is an agency.
func (a about) OfAgency() bool { return a.Owner.Agent == "" }

// Title is the owner's name or, where that is blank, the id.
func (a about) Title() string { return cmp.Or(a.Name, a.Of()) }

// AgentName is the name of one of an agency's agents.
func (a about) AgentName(id string) string { return cmp.Or(a.Agents[id], id) }

// Up is where the owner's agency lists its agents, for who can see that.
func (a about) Up() string {
	if a.Own || a.OfAgency() || !a.SeesAgency {
		return ""
	}
	return basePath(service.Owner{Agency: a.AgencyID}) + "/agents"
}

// maxForm is how large a form may be, in bytes. The largest chooses consumers
// for a transfer, and names each of a page twice.
const maxForm = 64 << 10

// form reads a posted form.
func form(w http.ResponseWriter, r *http.Request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return problem.MediaType.WithDetail("Send the form as a browser does, as application/x-www-form-urlencoded.")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := r.ParseForm()
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return problem.TooLarge.WithDetail("A form may have at most %d bytes.", maxForm)
	}
	if err != nil {
		return problem.Invalid.WithDetail("The form could not be read.").WithCause(err)
	}
	return nil
}
