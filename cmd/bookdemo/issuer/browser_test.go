package issuer_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"bookledger/cmd/bookdemo/issuer"
	"bookledger/cmd/internal/fixture"
	"bookledger/cmd/internal/identity"
	"bookledger/projections/access"
)

// A real browser signs in and out as in the demo: over http on a loopback
// address, where Secure cookies and the policy for forms are the browser's to
// judge.
func TestInChromium(t *testing.T) {
	ctx := fixture.Chromium(t)
	portal := startPortal(t)
	click := func(selector string) {
		t.Helper()
		if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
			t.Fatalf("clicking on %s: %v", selector, err)
		}
	}
	expect := func(when, selector, want string) {
		t.Helper()
		if got, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(selector))); err != nil || got != want {
			t.Fatalf("%s the page says %q, not %q: %v", when, got, want, err)
		}
	}
	fixture.Must(t, chromedp.Do(ctx, chromedp.Navigate(portal+"/")))
	expect("at first", "#who", "nobody")
	click("a")
	expect("at the issuer", "h1", "Sign in")
	click(`button[value="P-2"]`)
	expect("signed in", "#who", "Bo Lindqvist")
	if where, err := chromedp.Run(ctx, chromedp.Location()); err != nil || where != portal+"/home?from=sign-in" {
		t.Errorf("signing in leads to %q: %v", where, err)
	}
	click("button")
	expect("signed out", "#out", "out")
	fixture.Must(t, chromedp.Do(ctx, chromedp.Navigate(portal+"/")))
	expect("afterwards", "#who", "nobody")
}

// startPortal serves the least of a portal, and the issuer beside it.
func startPortal(t *testing.T) string {
	t.Helper()
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	own, err := issuer.New(issuer.Options{Base: server.URL + "/issuer", ClientID: "portal", Portal: server.URL, People: []issuer.Person{
		{Person: access.Person{ID: "P-1", Name: "Ana Quiroga"}, Role: "agent"}, {Person: access.Person{ID: "P-2", Name: "Bo Lindqvist"}, Role: "manager"},
	}})
	fixture.Must(t, err)
	id, err := identity.New(identity.Options{Issuer: server.URL + "/issuer", ClientID: "portal", PublicURL: server.URL})
	fixture.Must(t, err)
	mux := http.NewServeMux()
	mux.Handle("/issuer/", own)
	mux.Handle("/", id.Middleware(pages(t, id)))
	handler = mux
	return server.URL
}

func pages(t *testing.T, id *identity.Identity) http.Handler {
	show := func(w http.ResponseWriter, body string) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; form-action 'self' "+strings.Join(id.Origins(), " "))
		fmt.Fprint(w, "<!DOCTYPE html><title>t</title>"+body)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sign-in", func(w http.ResponseWriter, r *http.Request) {
		if err := id.Begin(w, r, "/home?from=sign-in"); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("GET /sign-in/callback", func(w http.ResponseWriter, r *http.Request) {
		_, to, err := id.Finish(w, r)
		if err != nil {
			t.Error(err)
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	})
	mux.HandleFunc("POST /sign-out", func(w http.ResponseWriter, r *http.Request) {
		to, err := id.SignOut(w, r)
		if err != nil {
			t.Error(err)
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	})
	mux.HandleFunc("GET /signed-out", func(w http.ResponseWriter, _ *http.Request) { show(w, `<p id="out">out</p>`) })
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		if p, err := id.Person(r); err == nil {
			show(w, `<p id="who">`+p.Name+`</p><form method="post" action="/sign-out"><button>Sign out</button></form>`)
			return
		}
		show(w, `<p id="who">nobody</p><a href="/sign-in">Sign in</a>`)
	})
	return mux
}
