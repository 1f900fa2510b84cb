package portal

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
	"bookledger/events"
	"bookledger/projections"
	"bookledger/projections/audit"
)

// URL paths of the auditors' pages.
const (
	explainPath   = "/audit/cases"
	comparePath   = "/audit/books"
	downloadsPath = "/audit/downloads"
)

// explainPage is the data of the page that explains a case.
type explainPage struct {
	CaseID      string
	Agent       string
	Friday      string // "" for the whole journal
	Fridays     []events.Date
	Explanation *service.Explanation // nil before a case is chosen
	Rows        []explainedRow       // on this page
	Showing     string
	Pages       pages
	Message     *message
}

// explainedRow is an event in the explanation of a case.
type explainedRow struct {
	audit.Event
	Relation string // between case and agent, before and after; "" without an agent
}

// explainedRows is the number of events on a page.
const explainedRows = 100

func (p *Portal) explainForm(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	page := explainPage{Message: p.takeMessage(r)}
	var err error
	if page.Fridays, err = p.Service.PastFridays(c); err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "explain", "Explain a case", page)
}

// lookUpCase redirects to the explanation of a case. A typed value can be
// anything, so it appears in the URL only if the case exists.
func (p *Portal) lookUpCase(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	typed := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	id, query := typed("case"), url.Values{}
	err := p.Service.CaseExists(c, id)
	notFound := "No case with this ID. Check the ID."
	if agent := typed("agent"); agent != "" && err == nil {
		_, err = p.Service.About(c, service.Owner{Agent: agent})
		notFound = "No agent with this ID. Check the ID, or leave the field blank."
		query.Set("agent", agent)
	}
	switch {
	case err == nil:
	case problem.From(err).Status != http.StatusNotFound || c.MayAudit() != nil:
		return err
	default:
		p.setMessage(r, message{Text: notFound, Bad: true})
		return redirect(w, r, explainPath)
	}
	if friday, err := events.ParseDate(typed("friday")); err == nil {
		query.Set("friday", friday.String())
	}
	return redirect(w, r, pathWithQuery(explainPath+"/"+url.PathEscape(id), query))
}

// pathWithQuery returns a path with its query, if there is one.
func pathWithQuery(path string, query url.Values) string {
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

func (p *Portal) explain(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	query := r.URL.Query()
	page := explainPage{CaseID: r.PathValue("case"), Agent: query.Get("agent"), Friday: query.Get("friday")}
	n, err := pageParam(r)
	if err != nil {
		return err
	}
	if page.Explanation, err = p.Service.Explain(r.Context(), c, page.CaseID, page.Agent, page.Friday); err != nil {
		return err
	}
	if page.Fridays, err = p.Service.PastFridays(c); err != nil {
		return err
	}
	if page.Explanation.InBook != nil {
		page.Friday = page.Explanation.InBook.Friday.String()
	}
	shown := page.Explanation.Events[min(len(page.Explanation.Events), (n-1)*explainedRows):]
	shown = shown[:min(len(shown), explainedRows)]
	for _, e := range shown {
		row := explainedRow{Event: e}
		if e.Before != nil && e.After != nil {
			row.Relation = cmp.Or(*e.Before, "not delegated") + " → " + cmp.Or(*e.After, "not delegated")
		}
		page.Rows = append(page.Rows, row)
	}
	page.Showing = showing(n, explainedRows, len(shown), len(page.Explanation.Events), "event", "events")
	page.Pages = newPages(n, len(page.Explanation.Events), explainedRows, func(n int) string { return withQuery(r, "page", n) })
	return p.render(w, r, http.StatusOK, "explain", "Explain a case", page)
}

// pageParam returns the page number in the query, 1 by default.
func pageParam(r *http.Request) (int, error) {
	text := r.URL.Query().Get("page")
	if text == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1_000_000 {
		return 0, problem.Invalid.WithField("page", "page must be a positive number.")
	}
	return n, nil
}

// showing describes the rows on page n, like "Showing 1–100 of 240 events".
func showing(n, size, here, all int, one, many string) string {
	if here == all {
		return plural(all, one, many)
	}
	first := (n - 1) * size
	return "Showing " + number(first+1) + "–" + number(first+here) + " of " + plural(all, one, many)
}

// comparePage is the data of the page that compares two books of an owner.
type comparePage struct {
	About      about
	Fridays    []events.Date
	From       events.Date
	To         events.Date
	Comparison *service.Differences // nil if there are fewer than two books
	Showing    string
	Pages      pages
}

// comparedRows is the number of rows on a page.
const comparedRows = 50

func (p *Portal) compareForm(w http.ResponseWriter, r *http.Request, _ service.Caller) error {
	return p.render(w, r, http.StatusOK, "compare-form", "Compare books", struct{ Message *message }{p.takeMessage(r)})
}

// lookUpBooks redirects to the comparison of an agent's or an agency's books.
func (p *Portal) lookUpBooks(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	return p.redirectToOwner(w, r, c, comparePath, "/differences", "/differences")
}

func (p *Portal) compare(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	n, err := pageParam(r)
	if err != nil {
		return err
	}
	page := comparePage{}
	if page.Fridays, err = p.Service.PastFridays(c); err != nil {
		return err
	}
	if page.About, err = p.about(c, owner(r)); err != nil {
		return err
	}
	if len(page.Fridays) > 1 {
		if err := p.loadComparison(r, c, &page, n); err != nil {
			return err
		}
	}
	return p.render(w, r, http.StatusOK, "compare", "Compare books", page)
}

// loadComparison compares the books of the Fridays in the query, the last two by
// default.
func (p *Portal) loadComparison(r *http.Request, c service.Caller, page *comparePage, n int) (err error) {
	query := service.CompareQuery{From: r.URL.Query().Get("from"), To: r.URL.Query().Get("to"), Page: n, PageSize: comparedRows}
	if query.To == "" {
		query.To = page.Fridays[0].String()
	}
	if query.From == "" {
		query.From = page.Fridays[1].String()
	}
	if page.Comparison, err = p.Service.Compare(r.Context(), c, page.About.Owner, query); err != nil {
		return err
	}
	page.From, page.To = page.Comparison.From.Friday, page.Comparison.To.Friday
	page.Showing = showing(n, comparedRows, len(page.Comparison.Changes), page.Comparison.Total(), "row differs", "rows differ")
	page.Pages = newPages(n, page.Comparison.Total(), comparedRows, func(n int) string { return withQuery(r, "page", n) })
	return nil
}

// downloadsPage is the data of the page that shows the export trail.
type downloadsPage struct {
	SHA256  string // of the file to look up; "" for all
	Exports []projections.ExportStep
	Older   string // URL path of older entries, if any
	Newest  string // URL path of the newest entries, unless they are shown
	Message *message
}

// downloadRows is the number of entries on a page.
const downloadRows = 50

func (p *Portal) downloads(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	before, err := sequenceParam(r, "before")
	if err != nil {
		return err
	}
	page := downloadsPage{SHA256: r.URL.Query().Get("sha256"), Message: p.takeMessage(r)}
	if page.Exports, err = p.Service.Exports(r.Context(), c, page.SHA256, before, downloadRows); err != nil {
		return err
	}
	if before != 0 {
		page.Newest = withQuery(r, "before", "")
	}
	if n := len(page.Exports); n == downloadRows {
		page.Older = withQuery(r, "before", page.Exports[n-1].Seq)
	}
	return p.render(w, r, http.StatusOK, "downloads", "Downloads", page)
}

// lookUpFile redirects to the downloads of the file with the pasted hash.
func (p *Portal) lookUpFile(w http.ResponseWriter, r *http.Request, _ service.Caller) error {
	hash, ok := findHash(r.PostForm.Get("sha256"))
	query := url.Values{"sha256": {hash}}
	if !ok {
		p.setMessage(r, message{Text: "The text you pasted contains no SHA-256. A SHA-256 has 64 digits: 0–9 and a–f.", Bad: true})
		query = nil
	}
	return redirect(w, r, pathWithQuery(downloadsPath, query))
}

// findHash finds the SHA-256 in the output of a command, which may also contain a
// file name or group the digits.
func findHash(text string) (string, bool) {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z') })
	if i := slices.IndexFunc(words, events.IsSHA256); i >= 0 {
		return words[i], true
	}
	whole := strings.Join(words, "")
	return whole, events.IsSHA256(whole)
}
