package web_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"bookledger/cmd/internal/fixture"
)

// idleLimit is the session length in this test. The warning appears in the last
// third.
const idleLimit = 24 * time.Second

// TestIdleTimeoutInChromium leaves two browsers idle. Both show the warning, stay
// signed in, and are then idle until the session ends.
func TestIdleTimeoutInChromium(t *testing.T) {
	t.Parallel()
	ctx := fixture.Chromium(t)
	clock := fixture.NewClock()
	s := startWith(t, serverOptions{idle: idleLimit, now: clock.Now}, smallConfig())
	list := "/agents/" + s.identity("agent").AgentID + "/active"
	scripted, plain := newVisitor(t, ctx, s), newVisitor(t, ctx, s)
	plain.disableScript()
	plain.signIn(s.identity("agent 2").PersonID)
	scripted.signIn(s.identity("agent").PersonID)
	scripted.open(list + "?sort=last_name")

	// Without script, the page refreshes to the warning.
	clock.Move(time.Second)
	plain.waitFor(onSessionEnding)
	plain.waitFor(`document.activeElement.getAttribute("role") === "alert"`)
	before := plain.secondsLeft()
	plain.navigate(200, click("Stay signed in"))
	if after := plain.secondsLeft(); after <= before {
		t.Errorf("without script, the session ends in %d seconds after Stay signed in, and %d before", after, before)
	}
	clock.Move(idleLimit - idleLimit/4 - time.Second)
	staySignedIn(t, scripted)

	plain.waitFor(onSessionEnding)
	clock.Move(time.Hour)
	plain.waitFor(onSignIn)
	// With script, the page checks the session and hides its content.
	scripted.waitFor(onSignIn)
	if at := scripted.path(); at != "/sign-in?to="+strings.NewReplacer("/", "%2F", "?", "%3F", "=", "%3D").Replace(list+"?sort=last_name") {
		t.Errorf("the end of the session leads to %s", at)
	}
	scripted.open(list)
	scripted.wantHeading("Sign in")
}

// Conditions on the page that the browser shows.
const (
	onSessionEnding = `document.querySelector("h1")?.textContent === "Your session is ending"`
	onSignIn        = `location.pathname === "/sign-in" && document.querySelector("h1")?.textContent === "Sign in"`
)

// secondsLeft returns the seconds until the session ends. The request does not
// extend the session.
func (b *browserTab) secondsLeft() int {
	b.t.Helper()
	return evaluate[int](b, `fetch("/session/ending", {headers: {Accept: "application/json"}}).then(r => r.json()).then(s => s.signed_in ? s.seconds : -1)`)
}

// staySignedIn answers the dialog with the keyboard.
func staySignedIn(t *testing.T, b *browserTab) {
	t.Helper()
	// The page checks the session every ten seconds and when it becomes visible.
	b.waitFor(`document.dispatchEvent(new Event("visibilitychange")) && document.getElementById("idle").matches(":modal")`)
	b.waitFor(`document.activeElement.id === "idle-continue"`)
	if got := b.text("#idle"); !strings.HasPrefix(got, "Your session is ending You'll be signed out in one minute because of inactivity.") {
		t.Errorf("got the dialog text %q", got)
	}
	if got := evaluate[string](b, `["aria-labelledby", "aria-describedby"].map(a => document.getElementById(document.getElementById("idle").getAttribute(a)).id).join()`); got != "idle-title,idle-text" {
		t.Errorf("the dialog is labeled by %s", got)
	}
	before := b.secondsLeft()
	b.do(key(kb.Enter))
	b.waitFor(`!document.getElementById("idle").open`)
	if after := b.secondsLeft(); after <= before {
		t.Errorf("the session ends in %d seconds after Stay signed in, and %d before", after, before)
	}
}
