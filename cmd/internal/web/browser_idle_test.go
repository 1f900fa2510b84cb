package web_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"bookledger/cmd/internal/fixture"
)

// idle is how long sessions last here; the last third is warned of.
const idle = 24 * time.Second

// TestIdleInChromium leaves two browsers alone: they are warned, go on, and are
// left alone again until nobody is signed in any more.
func TestIdleInChromium(t *testing.T) {
	t.Parallel()
	ctx := fixture.Chromium(t)
	clock := fixture.NewClock()
	s := startAs(t, variant{idle: idle, now: clock.Now}, small())
	list := "/agents/" + s.who("agent").AgentID + "/active"
	scripted, plain := visitor(t, ctx, s), visitor(t, ctx, s)
	plain.withoutScript()
	plain.signsIn(s.who("agent 2").PersonID)
	scripted.signsIn(s.who("agent").PersonID)
	scripted.opens(list + "?sort=last_name")

	// Without script the page goes to the warning when the browser's time has come.
	clock.Move(time.Second)
	plain.until(sessionEnding)
	plain.until(`document.activeElement.getAttribute("role") === "alert"`)
	before := plain.left()
	plain.goes(200, click("Go on"))
	if after := plain.left(); after <= before {
		t.Errorf("without script, Go on leaves %d seconds, before there were %d", after, before)
	}
	clock.Move(idle - idle/4 - time.Second)
	goesOnWithScript(t, scripted)

	plain.until(sessionEnding)
	clock.Move(time.Hour)
	plain.until(signIn)
	// This page looks by itself, and hides what it shows.
	scripted.until(signIn)
	if at := scripted.path(); at != "/sign-in?to="+strings.NewReplacer("/", "%2F", "?", "%3F", "=", "%3D").Replace(list+"?sort=last_name") {
		t.Errorf("the end leads to %s", at)
	}
	scripted.opens(list)
	scripted.isAt("Sign in")
}

// What pages without script come to by themselves.
const (
	sessionEnding = `document.querySelector("h1")?.textContent === "Your session is ending"`
	signIn        = `location.pathname === "/sign-in" && document.querySelector("h1")?.textContent === "Sign in"`
)

// left is how long the session lasts if nothing is done, in seconds. Asking
// does not prolong it.
func (b *tab) left() int {
	b.t.Helper()
	return get[int](b, `fetch("/session/ending", {headers: {Accept: "application/json"}}).then(r => r.json()).then(s => s.signed_in ? s.seconds : -1)`)
}

// goesOnWithScript is asked by a dialog, and answers with the keyboard.
func goesOnWithScript(t *testing.T, b *tab) {
	t.Helper()
	// The page looks every ten seconds, and whenever somebody comes back to it.
	b.until(`document.dispatchEvent(new Event("visibilitychange")) && document.getElementById("idle").matches(":modal")`)
	b.until(`document.activeElement.id === "idle-go-on"`)
	if got := b.text("#idle"); !strings.HasPrefix(got, "Your session is ending In one minute you will be signed out, since nothing has been done for a while.") {
		t.Errorf("the dialog says %q", got)
	}
	if got := get[string](b, `["aria-labelledby", "aria-describedby"].map(a => document.getElementById(document.getElementById("idle").getAttribute(a)).id).join()`); got != "idle-title,idle-text" {
		t.Errorf("the dialog is announced by %s", got)
	}
	before := b.left()
	b.does(key(kb.Enter))
	b.until(`!document.getElementById("idle").open`)
	if after := b.left(); after <= before {
		t.Errorf("Go on leaves %d seconds, before there were %d", after, before)
	}
}
