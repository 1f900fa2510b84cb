package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"bookledger/cmd/internal/fixture"
)

// step is something that a person does in a browser.
type step = chromedp.Action[chromedp.Void]

// tab is a page that somebody looks at. Whatever the browser complains about
// in its console fails the test.
type tab struct {
	t    *testing.T
	ctx  context.Context
	site *site
	dir  string // where downloads go

	mu         sync.Mutex
	complaints []complaint
	refused    []string // pages that were answered with an error, of which the console tells too
}

// complaint is what the browser said in its console; page is the address that
// it could not load, if that is what it said.
type complaint struct{ text, page string }

// visitor opens a page for somebody of whom the browser knows nothing yet.
func visitor(t *testing.T, ctx context.Context, s *site) *tab {
	t.Helper()
	b := open(t, ctx, s, chromedp.WithNewBrowserContext())
	b.dir = t.TempDir()
	enabled := true
	_, err := chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID,
		DownloadPath: b.dir, EventsEnabled: &enabled,
	})
	must(t, err)
	return b
}

// another opens a second page for the same person.
func (b *tab) another() *tab {
	b.t.Helper()
	return open(b.t, b.ctx, b.site)
}

func open(t *testing.T, ctx context.Context, s *site, options ...chromedp.ContextOption) *tab {
	t.Helper()
	b := &tab{t: t, site: s.in(t)}
	var end context.CancelFunc
	b.ctx, end = chromedp.NewContext(ctx, append(options, chromedp.WithListener(b.hear))...)
	t.Cleanup(end)
	t.Cleanup(func() {
		for _, c := range b.heard() {
			t.Errorf("the browser complains: %s", c)
		}
	})
	must(t, chromedp.Do(b.ctx, chromedp.EmulateViewport(1280, 900)))
	// Several pages are open at once, and each is to be used as if it were in front.
	_, err := chromedp.Call(b.ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	must(t, err)
	return b
}

// hear takes what the browser says of a page.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventResponseReceived:
		if (e.Type == network.ResourceTypeDocument || e.Type == network.ResourceTypeFetch) && e.Response.Status >= 400 {
			b.refused = append(b.refused, e.Response.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			text, _ := json.Marshal(e.Args) // it is only shown
			b.complaints = append(b.complaints, complaint{text: string(text)})
		}
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, complaint{text: fmt.Sprintf("%+v", e.ExceptionDetails)})
	case *log.EventEntryAdded:
		if e.Entry.Level != log.EntryLevelError && e.Entry.Level != log.EntryLevelWarning {
			return
		}
		c := complaint{text: fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL)}
		if e.Entry.Source == log.EntrySourceNetwork {
			c.page = e.Entry.URL
		}
		b.complaints = append(b.complaints, c)
	}
}

// heard takes the complaints until now. That a page was answered with an error
// is none, whichever of the answer and the console's word came first.
func (b *tab) heard() (all []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		if c.page == "" || !slices.Contains(b.refused, c.page) {
			all = append(all, c.text)
		}
	}
	b.complaints = nil
	return all
}

// within is the context of one step, which ends what hangs.
func (b *tab) within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.ctx, 2*time.Minute)
}

// does takes steps that stay on the page.
func (b *tab) does(steps ...step) {
	b.t.Helper()
	ctx, cancel := b.within()
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("on %s: %v", b.path(), err)
	}
}

// goes takes steps that lead to another page, and returns when it is there and
// was answered as it must be.
func (b *tab) goes(status int64, steps ...step) {
	b.t.Helper()
	from := b.path()
	ctx, cancel := b.within()
	defer cancel()
	r, err := chromedp.RunResponse(ctx, steps...)
	if err != nil {
		b.t.Fatalf("going on from %s: %v", from, err)
	}
	if r == nil || r.Status != status {
		b.t.Fatalf("going on from %s leads to %s with %+v, want status %d", from, b.path(), r, status)
	}
}

// opens goes to an address of the portal's.
func (b *tab) opens(path string) {
	b.t.Helper()
	b.goes(200, chromedp.Navigate(b.site.url+path))
}

// get evaluates an expression in the page.
func get[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := b.within()
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("asking %s: %v", expression[:min(len(expression), 200)], err)
	}
	return v
}

// until awaits what an expression of the page says. While another page comes it
// says nothing.
func (b *tab) until(expression string) {
	b.t.Helper()
	held := false
	defer func() {
		if !held {
			b.t.Logf("it is on %s, headed %q", b.path(), b.text("h1"))
		}
	}()
	fixture.Eventually(b.t, expression, func() bool {
		ctx, cancel := b.within()
		defer cancel()
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		return err == nil && holds
	})
	held = true
}

// path is the page's address without its origin, "" where it has none.
func (b *tab) path() string {
	ctx, cancel := b.within()
	defer cancel()
	at, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(at, b.site.url)
}

// isAt holds the page's heading.
func (b *tab) isAt(heading string) {
	b.t.Helper()
	if got := b.text("h1"); got != heading {
		b.t.Fatalf("%s is headed %q, want %q", b.path(), got, heading)
	}
}

// text is what is read in an element.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return get[string](b, `(document.querySelector(`+quoted(selector)+`)?.innerText ?? "there is none").replace(/\s+/g, " ").trim()`)
}

// quoted is a string of JavaScript.
func quoted(s string) string {
	text, _ := json.Marshal(s) // strings can be encoded
	return string(text)
}

// named is the visible link, button or menu of that name.
func named(name string) chromedp.JSPath {
	return chromedp.JSPath(`[...document.querySelectorAll("a, button, summary")].find(e => e.checkVisibility() && e.textContent.replace(/\s+/g, " ").trim() === ` + quoted(name) + `)`)
}

// click clicks with the mouse on what has that name.
func click(name string) step { return chromedp.Click(named(name)) }

// focused is what has the focus.
type focused struct {
	Tag, ID, Name, Value string
	Ring                 bool // it is on the screen, with an outline
}

func (b *tab) focused() focused {
	b.t.Helper()
	return get[focused](b, `(() => {
		const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
		const name = e.labels?.length ? e.labels[0].textContent : e.textContent;
		return {Tag: e.tagName, ID: e.id, Name: name.replace(/\s+/g, " ").trim().slice(0, 200), Value: String(e.value ?? ""),
			Ring: s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0 && r.width > 0 && r.height > 0 &&
				r.right > 0 && r.left < innerWidth && r.bottom > 0 && r.top < innerHeight};
	})()`)
}

// tabTo presses Tab until what begins with that name has the focus. Whatever
// has it on the way must show it.
func (b *tab) tabTo(name string) {
	b.t.Helper()
	var way []string
	for range 400 {
		b.does(chromedp.KeyEvent(kb.Tab))
		at := b.focused()
		if at.Tag != "BODY" && !at.Ring {
			fixture.Eventually(b.t, fmt.Sprintf("the focus on %+v is seen on %s", at, b.path()), func() bool { return b.focused().Ring })
		}
		if at.Tag != "BODY" && strings.HasPrefix(at.Name, name) {
			return
		}
		way = append(way, at.Name)
	}
	b.t.Fatalf("the keyboard does not come to %q on %s, but to %q", name, b.path(), way[:min(len(way), 60)])
}

// key presses a key.
func key(k string) step { return chromedp.KeyEvent(k) }

// takes takes a step that begins a download, and returns the file when it is
// whole. Meanwhile is called when the step is taken; nil does nothing.
func (b *tab) takes(begin step, meanwhile func()) string {
	b.t.Helper()
	ctx, cancel := b.within()
	defer cancel()
	begun := chromedp.BrowserEvents(ctx, browser.DownloadWillBegin)
	progress := chromedp.BrowserEvents(ctx, browser.DownloadProgress)
	must(b.t, chromedp.Do(ctx, begin))
	if meanwhile != nil {
		meanwhile()
	}
	var file browser.EventDownloadWillBegin
	for e, err := range begun {
		must(b.t, err)
		file = e
		break
	}
	for e, err := range progress {
		must(b.t, err)
		if e.GUID != file.GUID || e.State == browser.DownloadProgressStateInProgress {
			continue
		}
		if e.State != browser.DownloadProgressStateCompleted {
			b.t.Fatalf("the download of %s is %s", file.SuggestedFilename, e.State)
		}
		break
	}
	return filepath.Join(b.dir, file.SuggestedFilename)
}

// downloaded are the files that were downloaded.
func (b *tab) downloaded() []string {
	b.t.Helper()
	all, err := filepath.Glob(filepath.Join(b.dir, "*"))
	must(b.t, err)
	return all
}

// signsIn signs in with the mouse, from the page where one is sent.
func (b *tab) signsIn(person string) {
	b.t.Helper()
	b.opens("/")
	b.isAt("Sign in")
	b.goes(200, click("Sign in"))
	b.goes(200, chromedp.Click(chromedp.CSS(`button[value="`+person+`"]`)))
}

// withoutScript makes pages do without script from now on.
func (b *tab) withoutScript() {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	must(b.t, err)
}

// holdsNoSearch holds that nothing that was typed stands in the address.
func (b *tab) holdsNoSearch(typed string) {
	b.t.Helper()
	at, err := url.QueryUnescape(b.path())
	must(b.t, err)
	if strings.Contains(strings.ToLower(at), typed) {
		b.t.Errorf("the search stands in the address %s", at)
	}
}
