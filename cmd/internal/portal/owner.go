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

// owner returns the agent or agency in a request's path.
func owner(r *http.Request) service.Owner {
	return service.Owner{Agent: r.PathValue("agent"), Agency: r.PathValue("agency")}
}

// basePath returns the URL path of an owner.
func basePath(o service.Owner) string {
	if o.Agent != "" {
		return "/agents/" + url.PathEscape(o.Agent)
	}
	return "/agencies/" + url.PathEscape(o.Agency)
}

// about describes the owner of a page.
type about struct {
	*service.OwnerInfo
	Base string
	Own  bool // the owner is the caller
	// CanAudit reports whether the caller may use the auditors' pages.
	CanAudit bool
}

// about returns the description of an owner that the caller may see.
func (p *Portal) about(c service.Caller, o service.Owner) (about, error) {
	a, err := p.Service.About(c, o)
	if err != nil {
		return about{}, err
	}
	return newAbout(c, a), nil
}

func newAbout(c service.Caller, a *service.OwnerInfo) about {
	return about{OwnerInfo: a, Base: basePath(a.Owner), Own: a.Owner.Agent != "" && a.Owner.Agent == c.AgentID, CanAudit: c.MayAudit() == nil}
}

// ID returns the owner's ID.
func (a about) ID() string { return cmp.Or(a.Owner.Agent, a.Owner.Agency) }

// IsAgency reports whether the owner is an agency.
func (a about) IsAgency() bool { return a.Owner.Agent == "" }

// Title returns the owner's name or, if it is blank, the ID.
func (a about) Title() string { return cmp.Or(a.Name, a.ID()) }

// AgentName returns the name of one of the agency's agents, or the ID.
func (a about) AgentName(id string) string { return cmp.Or(a.Agents[id], id) }

// AgencyPath returns the URL path of the agent's agency, if the caller may see
// it.
func (a about) AgencyPath() string {
	if a.Own || a.IsAgency() || !a.SeesAgency {
		return ""
	}
	return basePath(service.Owner{Agency: a.AgencyID}) + "/agents"
}

// maxForm is the maximum size of a form in bytes. The largest form selects
// consumers for a transfer. It contains each case on a page twice.
const maxForm = 64 << 10

// parseForm parses a submitted form.
func parseForm(w http.ResponseWriter, r *http.Request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return problem.MediaType.WithDetail("Send the form as application/x-www-form-urlencoded.")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := r.ParseForm()
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return problem.TooLarge.WithDetail("A form may be at most %d bytes.", maxForm)
	}
	if err != nil {
		return problem.Invalid.WithDetail("The form can't be read.").WithCause(err)
	}
	return nil
}
