package issuer

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

//go:embed page.html
var pageHTML string

// page is the data of the template: a choice of people, or a text.
type page struct {
	Title, Text string
	Stylesheet  string
	Icon        string
	Portal      string // the URL of the link below a text
	Action      string
	Params      map[string]string
	Choices     []choice
}

type choice struct{ ID, Name, Role, IDs string }

var roles = map[string]string{
	"agent": "Agent", "manager": "Agency manager", "admin_l1": "Admin staff, level 1",
	"admin_l2": "Admin staff, level 2", "auditor": "Auditor", "operator": "Operator",
}

// forwardedParams are the parameters of an authorization request that the form of the
// page repeats.
var forwardedParams = [...]string{"response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method"}

// rejectInvalid responds to an invalid authorization request and reports whether it
// was invalid. If the client or its redirect URI is unknown, it shows a page;
// otherwise it redirects to the client with an error.
func (i *Issuer) rejectInvalid(w http.ResponseWriter, r *http.Request, q url.Values) bool {
	var forPerson, code string
	switch {
	case q.Get("client_id") != i.options.ClientID:
		forPerson = "The program that sent you here is not registered with the demo."
	case q.Get("redirect_uri") != i.callback():
		forPerson = "The program that sent you here uses a redirect address other than the demo's portal."
	case q.Get("response_type") != "code":
		code = "unsupported_response_type"
	case !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		code = "invalid_scope"
	case q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43:
		code = "invalid_request"
	default:
		return false
	}
	if forPerson != "" {
		i.signInError(w, forPerson)
	} else {
		i.redirect(w, r, q, url.Values{"error": {code}})
	}
	return true
}

// signInError shows the reason why a sign-in failed.
func (i *Issuer) signInError(w http.ResponseWriter, text string) {
	i.write(w, http.StatusBadRequest, page{Title: "Sign-in failed", Text: text})
}

// redirect sends the browser back to the client.
func (i *Issuer) redirect(w http.ResponseWriter, r *http.Request, q, with url.Values) {
	with.Set("iss", i.options.Base)
	if state := q.Get("state"); state != "" {
		with.Set("state", state)
	}
	http.Redirect(w, r, i.callback()+"?"+with.Encode(), http.StatusSeeOther)
}

// authorize shows the sign-in page.
func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if i.rejectInvalid(w, r, q) {
		return
	}
	p := page{Title: "Sign in", Action: i.base.Path + "/authorize", Params: map[string]string{}}
	for _, name := range forwardedParams {
		if q.Has(name) {
			p.Params[name] = q.Get(name)
		}
	}
	for _, person := range i.options.People {
		p.Choices = append(p.Choices, person.choice())
	}
	i.write(w, http.StatusOK, p)
}

// choice returns the entry of a person on the sign-in page.
func (p Person) choice() choice {
	ids := []string{"person " + p.ID}
	if p.AgentID != "" {
		ids = append(ids, "agent "+p.AgentID)
	}
	if p.AgencyID != "" {
		ids = append(ids, "agency "+p.AgencyID)
	}
	role := roles[p.Role]
	if role == "" {
		role = p.Role
	}
	return choice{p.ID, p.Name, role, strings.Join(ids, " · ")}
}

// choose signs in the chosen person and redirects to the client with a code.
func (i *Issuer) choose(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		i.signInError(w, "The form couldn't be read. Go to the portal and sign in again.")
		return
	}
	q := r.PostForm
	if i.rejectInvalid(w, r, q) {
		return
	}
	person, known := i.people[q.Get("person")]
	if !known {
		i.signInError(w, "The demo has no person with this ID.")
		return
	}
	i.redirect(w, r, q, url.Values{"code": {i.grant(grant{
		personID: person.ID, nonce: q.Get("nonce"), challenge: q.Get("code_challenge"),
	})}})
}

// grant stores g for a minute and returns its code.
func (i *Issuer) grant(g grant) string {
	now := i.options.Now()
	g.until = now.Add(codeLifetime)
	code := rand.Text()
	i.mu.Lock()
	defer i.mu.Unlock()
	maps.DeleteFunc(i.grants, func(_ string, old grant) bool { return now.After(old.until) })
	i.grants[code] = g
	return code
}

// redeem removes and returns the grant of a code. It reports whether the code was
// valid.
func (i *Issuer) redeem(code string) (grant, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	g, found := i.grants[code]
	delete(i.grants, code)
	return g, found && i.options.Now().Before(g.until)
}

func (i *Issuer) endSession(w http.ResponseWriter, r *http.Request) {
	// The issuer has no session of its own, so there is nothing to end.
	if r.FormValue("post_logout_redirect_uri") != i.signedOut() {
		i.write(w, http.StatusOK, page{Title: "Signed out", Text: "You're signed out."})
		return
	}
	to := i.signedOut()
	if state := r.FormValue("state"); state != "" {
		to += "?" + url.Values{"state": {state}}.Encode()
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (i *Issuer) write(w http.ResponseWriter, status int, p page) {
	p.Stylesheet, p.Icon, p.Portal = i.options.Stylesheet, i.options.Icon, i.options.Portal
	var body bytes.Buffer
	if err := pageTemplate.Execute(&body, p); err != nil {
		http.Error(w, "The page could not be rendered.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // fails only if the browser has disconnected
}

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))
