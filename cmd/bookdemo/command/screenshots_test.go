package command

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"bookledger/cmd/internal/fixture"
)

// TestScreenshots runs the demo and takes the two pictures of the README: an
// agent's Active Consumers page in Chromium, and the agent's book as LibreOffice
// shows it. BOOKLEDGER_IMAGES names the folder for the pictures.
func TestScreenshots(t *testing.T) {
	fixture.Long(t)
	images := cmp.Or(os.Getenv("BOOKLEDGER_IMAGES"), t.TempDir())
	fixture.Must(t, os.MkdirAll(images, 0o755))
	data := t.TempDir()
	code := 0
	end := fixture.Run(t, func(ctx context.Context) {
		code = Run(ctx, []string{"--data", data, "--until", "2026-11-21"}, strings.NewReader(""), io.Discard, io.Discard)
	})
	var demo struct {
		Portal     string `json:"portal"`
		Identities []struct {
			PersonID string `json:"person_id"`
			AgentID  string `json:"agent_id"`
		} `json:"identities"`
	}
	fixture.Eventually(t, "the demo serves", func() bool {
		text, err := os.ReadFile(filepath.Join(data, demoFile))
		return err == nil && json.Unmarshal(text, &demo) == nil
	})
	agent := demo.Identities[0]
	ctx := fixture.Chromium(t)
	fixture.Must(t, chromedp.Do(ctx, chromedp.EmulateViewport(1280, 1200)))
	open := func(step chromedp.Action[chromedp.Void]) {
		t.Helper()
		response, err := chromedp.RunResponse(ctx, step)
		fixture.Must(t, err)
		if response != nil && response.Status != 200 && response.Status != 0 {
			t.Fatalf("%s: got status %d, want 200", response.URL, response.Status)
		}
	}
	open(chromedp.Navigate(demo.Portal + "/sign-in"))
	open(chromedp.Click(chromedp.CSS("main form button")))
	open(chromedp.Click(chromedp.CSS(`button[value="` + agent.PersonID + `"]`)))
	open(chromedp.Navigate(demo.Portal + "/agents/" + agent.AgentID + "/active"))
	picture(t, ctx, filepath.Join(images, "active-consumers.png"), "Active Consumers")

	books, err := filepath.Glob(filepath.Join(data, "books", "*_"+agent.AgentID+"_*.xlsx"))
	fixture.Must(t, err)
	if len(books) != 1 {
		t.Fatalf("the demo wrote the books %q of agent %s, want one", books, agent.AgentID)
	}
	open(chromedp.Navigate("file://" + asHTML(t, books[0])))
	// LibreOffice's page has a table of contents, and columns as narrow as a browser
	// makes them. The widths are in its colgroup elements.
	fixture.Must(t, chromedp.Do(ctx, chromedp.EmulateViewport(1900, 520), chromedp.Evaluate[chromedp.Void](`{
		const table = document.querySelector("table")
		document.body.replaceChildren(table)
		document.body.style.margin = "0"
		table.style.cssText = "table-layout: fixed; width: max-content; border-collapse: collapse; font: 13px Carlito, Calibri, sans-serif"
		document.head.insertAdjacentHTML("beforeend", "<style>td { white-space: nowrap; overflow: hidden; border: 1px solid #d4d4d4; padding: 1px 3px } td, td * { font-size: 13px !important }</style>")
		for (const row of [...table.rows].slice(40)) row.remove()
	}`)))
	picture(t, ctx, filepath.Join(images, "book.png"), "Case ID")
	end()
	if code != 0 {
		t.Errorf("the demo ended with exit code %d, want 0", code)
	}
}

// picture writes what the browser shows, which must contain text, as a PNG file.
func picture(t *testing.T, ctx context.Context, path, text string) {
	t.Helper()
	shown, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
	fixture.Must(t, err)
	if !strings.Contains(shown, text) {
		t.Fatalf("no %q on the page for %s: %.300s", text, filepath.Base(path), shown)
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	fixture.Must(t, err)
	fixture.Must(t, os.WriteFile(path, png, 0o644))
}

// asHTML has LibreOffice write a workbook as a page, and returns its path.
func asHTML(t *testing.T, workbook string) string {
	t.Helper()
	dir := t.TempDir()
	convert := exec.CommandContext(t.Context(), fixture.Program(t, "soffice"), "--headless",
		"-env:UserInstallation=file://"+filepath.Join(dir, "profile"), "--convert-to", "html", "--outdir", dir, workbook)
	convert.Env = append(os.Environ(), "HOME="+dir, "LC_ALL=C.UTF-8")
	if out, err := convert.CombinedOutput(); err != nil {
		t.Fatalf("LibreOffice: %v: %s", err, out)
	}
	return filepath.Join(dir, strings.TrimSuffix(filepath.Base(workbook), ".xlsx")+".html")
}
