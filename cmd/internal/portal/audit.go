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

// Where auditors' pages are.
const (
	explainPath   = "/audit/cases"
	comparePath   = "/audit/books"
	downloadsPath = "/audit/downloads"
)

// explainPage asks for a case and explains it.
type explainPage struct {
	CaseID  string
	Agent   string
	Friday  string // "" is the whole record
	Fridays []events.Date
	Told    *service.Explanation // nil where no case was asked for
	Rows    []explainedRow       // of this page
	Showing string
	Pages   pages
	Message *message
}

// explainedRow is an event about a case.
type explainedRow struct {
	audit.Event
	Relation string // what the case was to the agent before and after, where one was asked for
}

// explainedRows is how many events a page has.
const explainedRows = 100

func (p *Portal) explainForm(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	page := explainPage{Message: p.said(r)}
	var err error
	if page.Fridays, err = p.Service.PastFridays(c); err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "explain", "Explain a Case", page)
}

// findCase leads to the explanation of a case. What was typed may be anything,
// and comes into an address only where it is a case.
func (p *Portal) findCase(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	typed := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	id, query := typed("case"), url.Values{}
	err := p.Service.CaseExists(c, id)
	told := "No record is about a case of this id. Check the id."
	if agent := typed("agent"); agent != "" && err == nil {
		_, err = p.Service.About(c, service.Owner{Agent: agent})
		told = "The ledger knows no agent of this id. Check the id, or leave it out."
		query.Set("agent", agent)
	}
	switch {
	case err == nil:
	case problem.From(err).Status != http.StatusNotFound || c.MayAudit() != nil:
		return err
	default:
		p.say(r, message{Text: told, Bad: true})
		return redirect(w, r, explainPath)
	}
	if friday, err := events.ParseDate(typed("friday")); err == nil {
		query.Set("friday", friday.String())
	}
	return redirect(w, r, address(explainPath+"/"+url.PathEscape(id), query))
}

// address is a path with its query, if there is one.
func address(path string, query url.Values) string {
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

func (p *Portal) explain(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	asked := r.URL.Query()
	page := explainPage{CaseID: r.PathValue("case"), Agent: asked.Get("agent"), Friday: asked.Get("friday")}
	n, err := pageNumber(r)
	if err != nil {
		return err
	}
	if page.Told, err = p.Service.Explain(r.Context(), c, page.CaseID, page.Agent, page.Friday); err != nil {
		return err
	}
	if page.Fridays, err = p.Service.PastFridays(c); err != nil {
		return err
	}
	if page.Told.InBook != nil {
		page.Friday = page.Told.InBook.Friday.String()
	}
	shown := page.Told.Events[min(len(page.Told.Events), (n-1)*explainedRows):]
	shown = shown[:min(len(shown), explainedRows)]
	for _, e := range shown {
		row := explainedRow{Event: e}
		if e.Before != nil && e.After != nil {
			row.Relation = cmp.Or(*e.Before, "not theirs") + " → " + cmp.Or(*e.After, "not theirs")
		}
		page.Rows = append(page.Rows, row)
	}
	page.Showing = showing(n, explainedRows, len(shown), len(page.Told.Events), "event", "events")
	page.Pages = newPages(n, len(page.Told.Events), explainedRows, func(n int) string { return with(r, "page", n) })
	return p.render(w, r, http.StatusOK, "explain", "Explain a Case", page)
}

// pageNumber reads which page is asked for.
func pageNumber(r *http.Request) (int, error) {
	text := r.URL.Query().Get("page")
	if text == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1_000_000 {
		return 0, problem.Invalid.WithField("page", "It is a number from 1 on.")
	}
	return n, nil
}

// showing tells which rows a page has, like "Showing 1–100 of 240 events".
func showing(n, size, here, all int, one, many string) string {
	if here == all {
		return plural(all, one, many)
	}
	first := (n - 1) * size
	return "Showing " + number(first+1) + "–" + number(first+here) + " of " + plural(all, one, many)
}

// comparePage compares an owner's books of two Fridays.
type comparePage struct {
	About   about
	Fridays []events.Date
	From    events.Date
	To      events.Date
	Told    *service.Differences // nil where there are no two books
	Showing string
	Pages   pages
}

// comparedRows is how many rows a page has.
const comparedRows = 50

func (p *Portal) compareForm(w http.ResponseWriter, r *http.Request, _ service.Caller) error {
	return p.render(w, r, http.StatusOK, "compare-whose", "Compare Books", struct{ Message *message }{p.said(r)})
}

// findBooks leads to the comparison of an agent's or an agency's books.
func (p *Portal) findBooks(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	return p.find(w, r, c, comparePath, "/differences", "/differences")
}

func (p *Portal) compare(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	n, err := pageNumber(r)
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
		if err := p.compared(r, c, &page, n); err != nil {
			return err
		}
	}
	return p.render(w, r, http.StatusOK, "compare", "Compare Books", page)
}

// compared compares the Fridays that are asked for or, where none are, the last
// two.
func (p *Portal) compared(r *http.Request, c service.Caller, page *comparePage, n int) (err error) {
	asked := service.CompareQuery{From: r.URL.Query().Get("from"), To: r.URL.Query().Get("to"), Page: n, PageSize: comparedRows}
	if asked.To == "" {
		asked.To = page.Fridays[0].String()
	}
	if asked.From == "" {
		asked.From = page.Fridays[1].String()
	}
	if page.Told, err = p.Service.Compare(r.Context(), c, page.About.Owner, asked); err != nil {
		return err
	}
	page.From, page.To = page.Told.From.Friday, page.Told.To.Friday
	page.Showing = showing(n, comparedRows, len(page.Told.Changes), page.Told.Total(), "row differs", "rows differ")
	page.Pages = newPages(n, page.Told.Total(), comparedRows, func(n int) string { return with(r, "page", n) })
	return nil
}

// downloadsPage is the trail of downloads.
type downloadsPage struct {
	SHA256  string // of the file that is looked for; "" for all
	Exports []projections.ExportStep
	Older   string // where the page before is
	Newest  string // where the newest are, if these are not
	Message *message
}

// downloadRows is how many steps a page has.
const downloadRows = 50

func (p *Portal) downloads(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	before, err := sequence(r, "before")
	if err != nil {
		return err
	}
	page := downloadsPage{SHA256: r.URL.Query().Get("sha256"), Message: p.said(r)}
	if page.Exports, err = p.Service.Exports(r.Context(), c, page.SHA256, before, downloadRows); err != nil {
		return err
	}
	if before != 0 {
		page.Newest = with(r, "before", "")
	}
	if n := len(page.Exports); n == downloadRows {
		page.Older = with(r, "before", page.Exports[n-1].Seq)
	}
	return p.render(w, r, http.StatusOK, "downloads", "Downloads", page)
}

// findFile leads to the downloads of the file whose hash was pasted.
func (p *Portal) findFile(w http.ResponseWriter, r *http.Request, _ service.Caller) error {
	hash, ok := pastedHash(r.PostForm.Get("sha256"))
	query := url.Values{"sha256": {hash}}
	if !ok {
		p.say(r, message{Text: "No SHA-256 was found in what you pasted. It has 64 digits of 0–9 and a–f.", Bad: true})
		query = nil
	}
	return redirect(w, r, address(downloadsPath, query))
}

// pastedHash finds the SHA-256 in what a program has printed, beside a file's
// name or in groups of digits.
func pastedHash(text string) (string, bool) {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z') })
	if i := slices.IndexFunc(words, events.IsSHA256); i >= 0 {
		return words[i], true
	}
	whole := strings.Join(words, "")
	return whole, events.IsSHA256(whole)
}
