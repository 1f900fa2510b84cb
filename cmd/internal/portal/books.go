package portal

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"bookledger/cmd/internal/api"
	"bookledger/cmd/internal/exports"
	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
	"bookledger/events"
)

// booksPage is the shelf of an owner's books.
type booksPage struct {
	About   about
	Shelf   *service.Shelf
	Asked   []asked
	Older   string // where older ones are, "" where there are none
	Message *message
}

func (p *Portal) books(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	part := service.Shelved{Limit: shelfPage}
	if text := r.URL.Query().Get("before"); text != "" {
		var err error
		if part.Before, err = events.ParseDate(text); err != nil {
			return problem.Invalid.In("before", "It is no date like 2026-11-20.")
		}
	}
	shelf, err := p.Service.Books(r.Context(), c, owner(r), part)
	if err != nil {
		return err
	}
	a, err := p.about(c, owner(r))
	if err != nil {
		return err
	}
	page := booksPage{About: a, Shelf: shelf, Message: p.said(r), Asked: p.askedBy(c, owner(r))}
	if n := len(shelf.Books); n == shelfPage {
		page.Older = a.Base + "/books?" + url.Values{"before": {shelf.Books[n-1].Friday.String()}}.Encode()
	}
	return p.render(w, r, http.StatusOK, "books", "Books", page)
}

// shelfPage is how many books a page tells of.
const shelfPage = 26

// disclaimerPage asks whether a book is to be downloaded.
type disclaimerPage struct {
	About   about
	Book    *service.Offer
	Text    string
	Version string
	From    string // the page to which No leads back: "active" or "books"
}

func (p *Portal) disclaimer(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	a, err := p.about(c, owner(r))
	if err != nil {
		return err
	}
	offer, err := p.Service.Book(r.Context(), c, owner(r), r.PathValue("friday"))
	if err != nil {
		return err
	}
	page := disclaimerPage{a, offer, service.DisclaimerText, service.DisclaimerVersion, from(r.URL.Query().Get("from"))}
	return p.render(w, r, http.StatusOK, "disclaimer", "Disclaimer", page)
}

// from is the page from which an export was begun.
func from(name string) string {
	if name == string(service.Active) {
		return name
	}
	return "books"
}

// atOnce is how long Yes waits for the book before it leads to the queue's
// page.
const atOnce = 1500 * time.Millisecond

// export takes the answer to the disclaimer.
func (p *Portal) export(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	if err := form(w, r, maxExportForm); err != nil {
		return err
	}
	o, back := owner(r), basePath(owner(r))+"/"+from(r.PostForm.Get("from"))
	ticket, err := p.Service.Export(r.Context(), c, o, r.PathValue("friday"), answer(r))
	if err != nil {
		return err
	}
	if ticket == nil {
		p.say(r, message{Text: "Nothing was downloaded. Your answer No was recorded."})
		redirect(w, r, back)
		return nil
	}
	timer := time.NewTimer(atOnce)
	defer timer.Stop()
	select {
	case <-ticket.Done():
		if ticket.State().Phase == exports.Ready {
			return p.deliver(w, r, c, ticket)
		}
	case <-timer.C:
	case <-r.Context().Done():
		ticket.Release() // nobody will learn where its page is
		return problem.Unavailable.With("The connection was given up before the book was made.")
	}
	redirect(w, r, ticketPath(ticket)+"?"+url.Values{"from": {from(r.PostForm.Get("from"))}}.Encode())
	return nil
}

// answer is what was answered to the disclaimer, where that was yes or no.
func answer(r *http.Request) service.Answer {
	a := service.Answer{Disclaimer: r.PostForm.Get("disclaimer")}
	if said := r.PostForm.Get("answer"); said == "yes" || said == "no" {
		yes := said == "yes"
		a.Accepted = &yes
	}
	return a
}

func ticketPath(t *exports.Ticket) string { return "/exports/" + t.ID() }

// ownTicket is the caller's own ticket that the path names, and whose book it
// is for.
func (p *Portal) ownTicket(r *http.Request, c service.Caller) (*exports.Ticket, service.Wanted, error) {
	t, ok := p.Queue.Ticket(r.PathValue("ticket"))
	if !ok || t.Owner() != c.ID {
		return nil, service.Wanted{}, problem.NotFound.With("This download is not there, or not any more: a book can be taken once, and waits ten minutes. Ask for it again on the Books page.")
	}
	return t, t.For().(service.Wanted), nil
}

// ticketPage shows how far a book has come.
type ticketPage struct {
	State exports.State
	Phase string
	Title string
	Said  string // what is announced
	Back  string
	File  string
	Leave string // where one gives it up
	Why   *problem.Problem
}

// Kilobytes is how large the file is.
func (t ticketPage) Kilobytes() int64 { return (t.State.Made.Bytes + 1023) / 1024 }

// refreshEvery is how often the page of the queue asks for itself again.
const refreshEvery = 3

func (p *Portal) ticket(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	t, wanted, err := p.ownTicket(r, c)
	if err != nil {
		return err
	}
	// While the journal does not answer the page goes on looking.
	if err := p.Service.Deliverable(r.Context(), c, wanted); err != nil && problem.Of(err).Status == http.StatusNotFound {
		return err
	}
	page := ticketPage{State: t.State(), Leave: ticketPath(t) + "/leave", Back: basePath(wanted.Owner) + "/" + from(r.URL.Query().Get("from")), File: ticketPath(t) + "/file"}
	page.Phase = page.State.Phase.String()
	page.Title, page.Said = "Your book is being made", "It is being made now."
	refresh := ""
	switch page.State.Phase {
	case exports.Waiting:
		refresh, page.Said = strconv.Itoa(refreshEvery), placeInQueue(page.State.Place)
	case exports.Making:
		refresh = strconv.Itoa(refreshEvery)
	case exports.Ready:
		page.Title, page.Said = "Your book is ready", "The file can be downloaded."
	default:
		page.Title, page.Said = "Your book could not be made", "No file was made. Go back and ask for the book again."
		if page.State.Err != nil {
			page.Why = problem.Of(p.Service.Failed(page.State.Err))
		}
	}
	return p.renderIn(w, r, http.StatusOK, frame{Title: page.Title, Page: "ticket", Refresh: refresh}, page)
}

// placeInQueue tells how many books are begun before one.
func placeInQueue(before int) string {
	if before == 0 {
		return "It is next in the queue."
	}
	return "It waits in the queue; " + plural(before, "book is", "books are") + " made before it."
}

// leaveTicket gives a book up that is not wanted any more.
func (p *Portal) leaveTicket(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	t, wanted, err := p.ownTicket(r, c)
	if err != nil {
		return err
	}
	t.Release()
	p.say(r, message{Text: "The download was given up. Ask for the book again when you want it."})
	redirect(w, r, basePath(wanted.Owner)+"/books")
	return nil
}

// asked is a book that somebody has asked for and not taken.
type asked struct {
	Path   string
	Phase  string
	Friday events.Date
}

// askedBy are the books of the owner's that the caller has asked for and not
// taken, the newest Friday's first.
func (p *Portal) askedBy(c service.Caller, o service.Owner) (all []asked) {
	for _, t := range p.Queue.Of(c.ID) {
		wanted, phase := t.For().(service.Wanted), t.State().Phase
		if wanted.Owner == o && phase != exports.Failed && phase != exports.Gone {
			all = append(all, asked{ticketPath(t), phase.String(), wanted.Friday})
		}
	}
	slices.SortFunc(all, func(a, b asked) int { return cmp.Or(cmp.Compare(b.Friday, a.Friday), cmp.Compare(a.Path, b.Path)) })
	return all
}

func (p *Portal) ticketFile(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	t, _, err := p.ownTicket(r, c)
	if err != nil {
		return err
	}
	if p := t.State().Phase; p == exports.Waiting || p == exports.Making {
		redirect(w, r, ticketPath(t))
		return nil
	}
	return p.deliver(w, r, c, t)
}

// deliver hands a finished book out, if it may still leave.
func (p *Portal) deliver(w http.ResponseWriter, r *http.Request, c service.Caller, t *exports.Ticket) error {
	if err := p.Service.Deliverable(r.Context(), c, t.For().(service.Wanted)); err != nil {
		return err
	}
	file, made, err := t.Open()
	if err != nil {
		return p.Service.Failed(err)
	}
	defer file.Close()
	if r.Method == http.MethodHead {
		file = http.NoBody
	}
	if err := api.Deliver(w, r, file, made); err != nil {
		return err
	}
	if r.Method != http.MethodHead {
		t.Release() // what broke off can be asked for again
	}
	return nil
}

// currentBook tells of the latest book and the next one.
type currentBook struct {
	Latest       events.Date
	LatestCutoff time.Time
	Next         events.Date
	NextCutoff   time.Time
}

// Current is the owner's current book and the next.
func (a about) Current() currentBook {
	return currentBook{a.Latest, a.LatestCutoff, a.NextFriday, a.NextCutoff}
}

// Current is the shelf's current book and the next.
func (b booksPage) Current() currentBook { return b.About.Current() }
