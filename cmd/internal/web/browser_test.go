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

// action is an action of a person in a browser.
type action = chromedp.Action[chromedp.Void]

// browserTab is a tab of a browser. Errors and warnings in its console fail the test.
type browserTab struct {
	t      *testing.T
	ctx    context.Context
	server *testServer
	dir    string // download folder

	mu         sync.Mutex
	messages   []consoleMessage
	errorPages []string // URLs with an error status, which the console reports too
}

// consoleMessage is an error or warning in the console. url is the address that
// failed to load, if the message is about one.
type consoleMessage struct{ text, url string }

// newVisitor opens a tab in a new browser context without cookies.
func newVisitor(t *testing.T, ctx context.Context, s *testServer) *browserTab {
	t.Helper()
	b := openTab(t, ctx, s, chromedp.WithNewBrowserContext())
	b.dir = t.TempDir()
	enabled := true
	_, err := chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID,
		DownloadPath: b.dir, EventsEnabled: &enabled,
	})
	must(t, err)
	return b
}

// newTab opens a second tab of the same person.
func (b *browserTab) newTab() *browserTab {
	b.t.Helper()
	return openTab(b.t, b.ctx, b.server)
}

func openTab(t *testing.T, ctx context.Context, s *testServer, options ...chromedp.ContextOption) *browserTab {
	t.Helper()
	b := &browserTab{t: t, server: s.forTest(t)}
	var end context.CancelFunc
	b.ctx, end = chromedp.NewContext(ctx, append(options, chromedp.WithListener(b.onEvent))...)
	t.Cleanup(end)
	t.Cleanup(func() {
		for _, c := range b.takeConsoleErrors() {
			t.Errorf("console error: %s", c)
		}
	})
	must(t, chromedp.Do(b.ctx, chromedp.EmulateViewport(1280, 900)))
	// Several tabs are open at once. Each one must behave as if it had the focus.
	_, err := chromedp.Call(b.ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	must(t, err)
	return b
}

// onEvent records console messages and error responses.
func (b *browserTab) onEvent(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventResponseReceived:
		if (e.Type == network.ResourceTypeDocument || e.Type == network.ResourceTypeFetch) && e.Response.Status >= 400 {
			b.errorPages = append(b.errorPages, e.Response.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			text, _ := json.Marshal(e.Args) // for display only
			b.messages = append(b.messages, consoleMessage{text: string(text)})
		}
	case *runtime.EventExceptionThrown:
		b.messages = append(b.messages, consoleMessage{text: fmt.Sprintf("%+v", e.ExceptionDetails)})
	case *log.EventEntryAdded:
		if e.Entry.Level != log.EntryLevelError && e.Entry.Level != log.EntryLevelWarning {
			return
		}
		c := consoleMessage{text: fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL)}
		if e.Entry.Source == log.EntrySourceNetwork {
			c.url = e.Entry.URL
		}
		b.messages = append(b.messages, c)
	}
}

// takeConsoleErrors returns and removes the console messages so far. It ignores
// messages about error responses, whichever of the two events came first.
func (b *browserTab) takeConsoleErrors() (all []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.messages {
		if c.url == "" || !slices.Contains(b.errorPages, c.url) {
			all = append(all, c.text)
		}
	}
	b.messages = nil
	return all
}

// timeout returns the context of one action, with a deadline.
func (b *browserTab) timeout() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.ctx, 2*time.Minute)
}

// do performs actions that stay on the page.
func (b *browserTab) do(steps ...action) {
	b.t.Helper()
	ctx, cancel := b.timeout()
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("on %s: %v", b.path(), err)
	}
}

// navigate performs actions that lead to another page, waits for it, and checks its
// status.
func (b *browserTab) navigate(status int64, steps ...action) {
	b.t.Helper()
	from := b.path()
	ctx, cancel := b.timeout()
	defer cancel()
	r, err := chromedp.RunResponse(ctx, steps...)
	if err != nil {
		b.t.Fatalf("navigating from %s: %v", from, err)
	}
	if r == nil || r.Status != status {
		b.t.Fatalf("navigating from %s led to %s with %+v, want status %d", from, b.path(), r, status)
	}
}

// open opens a path of the portal.
func (b *browserTab) open(path string) {
	b.t.Helper()
	b.navigate(200, chromedp.Navigate(b.server.url+path))
}

// evaluate evaluates a JavaScript expression in the page.
func evaluate[T any](b *browserTab, expression string) T {
	b.t.Helper()
	ctx, cancel := b.timeout()
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("evaluating %s: %v", expression[:min(len(expression), 200)], err)
	}
	return v
}

// waitFor waits until a JavaScript expression is true. While a page loads, the
// expression counts as false.
func (b *browserTab) waitFor(expression string) {
	b.t.Helper()
	ok := false
	defer func() {
		if !ok {
			b.t.Logf("the page is %s with heading %q", b.path(), b.text("h1"))
		}
	}()
	fixture.Eventually(b.t, expression, func() bool {
		ctx, cancel := b.timeout()
		defer cancel()
		value, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		return err == nil && value
	})
	ok = true
}

// path returns the page's address without the origin, or "".
func (b *browserTab) path() string {
	ctx, cancel := b.timeout()
	defer cancel()
	at, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(at, b.server.url)
}

// wantHeading checks the page's heading.
func (b *browserTab) wantHeading(heading string) {
	b.t.Helper()
	if got := b.text("h1"); got != heading {
		b.t.Fatalf("%s: got the heading %q, want %q", b.path(), got, heading)
	}
}

// text returns the visible text of an element.
func (b *browserTab) text(selector string) string {
	b.t.Helper()
	return evaluate[string](b, `(document.querySelector(`+quote(selector)+`)?.innerText ?? "no such element").replace(/\s+/g, " ").trim()`)
}

// quote returns a JavaScript string literal.
func quote(s string) string {
	text, _ := json.Marshal(s) // strings always encode
	return string(text)
}

// byName returns a path to the visible link, button, or menu with a name.
func byName(name string) chromedp.JSPath {
	return chromedp.JSPath(`[...document.querySelectorAll("a, button, summary")].find(e => e.checkVisibility() && e.textContent.replace(/\s+/g, " ").trim() === ` + quote(name) + `)`)
}

// click returns an action that clicks the link, button, or menu with a name.
func click(name string) action { return chromedp.Click(byName(name)) }

// focused describes the element with the focus.
type focused struct {
	Tag, ID, Name, Value string
	Ring                 bool // it is visible and has an outline
}

func (b *browserTab) focused() focused {
	b.t.Helper()
	return evaluate[focused](b, `(() => {
		const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
		const name = e.labels?.length ? e.labels[0].textContent : e.textContent;
		return {Tag: e.tagName, ID: e.id, Name: name.replace(/\s+/g, " ").trim().slice(0, 200), Value: String(e.value ?? ""),
			Ring: s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0 && r.width > 0 && r.height > 0 &&
				r.right > 0 && r.left < innerWidth && r.bottom > 0 && r.top < innerHeight};
	})()`)
}

// tabTo presses Tab until an element whose name starts with name has the focus. Every
// element on the way must show the focus.
func (b *browserTab) tabTo(name string) {
	b.t.Helper()
	var passed []string
	for range 400 {
		b.do(chromedp.KeyEvent(kb.Tab))
		at := b.focused()
		if at.Tag != "BODY" && !at.Ring {
			fixture.Eventually(b.t, fmt.Sprintf("the focus on %+v is visible on %s", at, b.path()), func() bool { return b.focused().Ring })
		}
		if at.Tag != "BODY" && strings.HasPrefix(at.Name, name) {
			return
		}
		passed = append(passed, at.Name)
	}
	b.t.Fatalf("Tab does not reach %q on %s, but %q", name, b.path(), passed[:min(len(passed), 60)])
}

// key returns an action that presses a key.
func key(k string) action { return chromedp.KeyEvent(k) }

// download performs an action that starts a download, waits until the file is
// complete, and returns its path. If meanwhile is not nil, download calls it after
// the action.
func (b *browserTab) download(start action, meanwhile func()) string {
	b.t.Helper()
	ctx, cancel := b.timeout()
	defer cancel()
	begin := chromedp.BrowserEvents(ctx, browser.DownloadWillBegin)
	progress := chromedp.BrowserEvents(ctx, browser.DownloadProgress)
	must(b.t, chromedp.Do(ctx, start))
	if meanwhile != nil {
		meanwhile()
	}
	var file browser.EventDownloadWillBegin
	for e, err := range begin {
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
			b.t.Fatalf("the download of %s ended as %s", file.SuggestedFilename, e.State)
		}
		break
	}
	return filepath.Join(b.dir, file.SuggestedFilename)
}

// downloads returns the downloaded files.
func (b *browserTab) downloads() []string {
	b.t.Helper()
	all, err := filepath.Glob(filepath.Join(b.dir, "*"))
	must(b.t, err)
	return all
}

// signIn signs a person in with the mouse, starting from the home page.
func (b *browserTab) signIn(person string) {
	b.t.Helper()
	b.open("/")
	b.wantHeading("Sign in")
	b.navigate(200, click("Sign in"))
	b.navigate(200, chromedp.Click(chromedp.CSS(`button[value="`+person+`"]`)))
}

// disableScript disables script for all later pages.
func (b *browserTab) disableScript() {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	must(b.t, err)
}

// wantNoSearchInURL checks that the address does not contain the search.
func (b *browserTab) wantNoSearchInURL(typed string) {
	b.t.Helper()
	at, err := url.QueryUnescape(b.path())
	must(b.t, err)
	if strings.Contains(strings.ToLower(at), typed) {
		b.t.Errorf("the address %s contains the search", at)
	}
}
