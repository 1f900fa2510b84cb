package apidocs

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bookledger/schemas"
)

// element is an element of the page; a text is one without a name.
type element struct {
	name     string
	attrs    map[string]string
	children []*element
	content  string
}

// read parses the fragment as strictly as XML is, so that every element is
// closed where it should be.
func read(t *testing.T, fragment string) *element {
	t.Helper()
	fragment = strings.ReplaceAll(fragment, "<wbr>", "<wbr/>")
	decoder := xml.NewDecoder(strings.NewReader("<body>" + fragment + "</body>"))
	root := &element{}
	open := []*element{root}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return root
		}
		if err != nil {
			t.Fatal(err)
		}
		last := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name.Local, attrs: map[string]string{}}
			for _, a := range token.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			last.children = append(last.children, e)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			last.children = append(last.children, &element{content: string(token)})
		}
	}
}

// each calls yield with every element below e, in order.
func (e *element) each(yield func(*element)) {
	for _, child := range e.children {
		if child.name != "" {
			yield(child)
			child.each(yield)
		}
	}
}

// all are the elements below e of a name.
func (e *element) all(name string) []*element {
	var found []*element
	e.each(func(child *element) {
		if child.name == name {
			found = append(found, child)
		}
	})
	return found
}

func (e *element) text() string {
	if e.name == "" && e.children == nil {
		return e.content
	}
	var b strings.Builder
	for _, child := range e.children {
		b.WriteString(child.text())
	}
	return b.String()
}

func (e *element) byID(id string) *element {
	var found *element
	e.each(func(child *element) {
		if child.attrs["id"] == id {
			found = child
		}
	})
	return found
}

func rendered(t *testing.T) *element {
	t.Helper()
	fragment, err := Render()
	if err != nil {
		t.Fatal(err)
	}
	return read(t, string(fragment))
}

// described is the description as far as the page must repeat it.
type described struct {
	Paths map[string]map[string]json.RawMessage `json:"paths"`
}

type describedOperation struct {
	OperationID string                     `json:"operationId"`
	Summary     string                     `json:"summary"`
	Security    *[]any                     `json:"security"`
	Responses   map[string]json.RawMessage `json:"responses"`
}

// TestEveryOperation demands that every request of the description stands in
// the page with its path, its answers and examples of both.
func TestEveryOperation(t *testing.T) {
	page := rendered(t)
	var d described
	if err := json.Unmarshal(schemas.OpenAPIJSON(), &d); err != nil {
		t.Fatal(err)
	}
	sections := map[string]*element{}
	for _, s := range page.all("section") {
		if s.attrs["class"] == "operation" {
			sections[s.all("h3")[0].attrs["id"]] = s
		}
	}
	operations := 0
	for path, item := range d.Paths {
		for method, raw := range item {
			if method == "parameters" {
				continue
			}
			operations++
			var o describedOperation
			if err := json.Unmarshal(raw, &o); err != nil {
				t.Fatal(err)
			}
			if s := sections[o.OperationID]; s == nil {
				t.Errorf("%s does not stand in the page", o.OperationID)
			} else {
				wantOperation(t, s, strings.ToUpper(method), path, o)
			}
		}
	}
	if operations < 30 || operations != len(sections) {
		t.Errorf("%d operations, %d sections", operations, len(sections))
	}
}

func wantOperation(t *testing.T, s *element, method, path string, o describedOperation) {
	t.Helper()
	id := o.OperationID
	if got := s.all("h3")[0].text(); got != o.Summary {
		t.Errorf("%s is called %q", id, got)
	}
	if got := s.all("p")[0].text(); got != method+" "+path {
		t.Errorf("%s is %q, want %s %s", id, got, method, path)
	}
	var rows []string
	for _, th := range s.all("th") {
		if th.attrs["scope"] == "row" {
			rows = append(rows, th.text())
		}
	}
	for _, parameter := range regexp.MustCompile(`\{([a-z]+)\}`).FindAllStringSubmatch(path, -1) {
		if !slices.Contains(rows, parameter[1]) {
			t.Errorf("%s does not tell of {%s}", id, parameter[1])
		}
	}
	for status := range o.Responses {
		if !slices.Contains(rows, status) {
			t.Errorf("%s does not tell of %s", id, status)
		}
	}
	examples := s.all("pre")
	if len(examples) != 2 {
		t.Fatalf("%s has %d examples", id, len(examples))
	}
	request, answered := examples[0].text(), examples[1].text()
	if !strings.HasPrefix(request, "curl ") || strings.ContainsAny(strings.ReplaceAll(request, "--json '{", ""), "{") ||
		strings.Contains(request, "$TOKEN") != (o.Security == nil) || answered == "" {
		t.Errorf("%s has the examples\n%s\n%s", id, request, answered)
	}
	if method == "POST" && !strings.Contains(request, "--json") && !strings.Contains(request, "--request POST") {
		t.Errorf("%s is asked for with\n%s", id, request)
	}
}

// TestOneOperation looks at one request closely, in place of all.
func TestOneOperation(t *testing.T) {
	page := rendered(t)
	var found *element
	for _, s := range page.all("section") {
		if s.attrs["class"] == "operation" && s.byID("takeBook") != nil {
			found = s
		}
	}
	if found == nil {
		t.Fatal("takeBook does not stand in the page")
	}
	const want = `curl --header "Authorization: Bearer $TOKEN" \
  --json '{"disclaimer":"1","accepted":true}' \
  --remote-name --remote-header-name \
  "$PORTAL/v1/agents/A100001/books/2026-11-20"`
	if got := found.all("pre")[0].text(); got != want {
		t.Errorf("the request is\n%s", got)
	}
	text := found.text()
	for _, part := range []string{"identifier, in the path", "true or false, required", "at most 20 characters, optional", "Repr-Digest: sha-256=:", "headers Content-Disposition"} {
		if !strings.Contains(text, part) {
			t.Errorf("the page does not tell %q", part)
		}
	}
}

// TestHeadings demands one h1 at the beginning, and that no level is skipped.
func TestHeadings(t *testing.T) {
	last, count := 0, 0
	rendered(t).each(func(e *element) {
		if len(e.name) != 2 || e.name[0] != 'h' {
			return
		}
		level := int(e.name[1] - '0')
		if level > last+1 || level == 1 && count > 0 {
			t.Errorf("%s %q comes after a heading of level %d", e.name, e.text(), last)
		}
		if strings.TrimSpace(e.text()) == "" || e.attrs["id"] == "" {
			t.Errorf("%s %q has the id %q", e.name, e.text(), e.attrs["id"])
		}
		last = level
		count++
	})
	if count < 100 {
		t.Errorf("there are only %d headings", count)
	}
}

// TestIDs demands that ids are unique, and that links and labels lead to them.
func TestIDs(t *testing.T) {
	page := rendered(t)
	ids := map[string]bool{}
	page.each(func(e *element) {
		id := e.attrs["id"]
		if id != "" && (ids[id] || !regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`).MatchString(id)) {
			t.Errorf("the id %q is there twice, or is none", id)
		}
		ids[id] = true
	})
	links := 0
	page.each(func(e *element) {
		if target, ok := strings.CutPrefix(e.attrs["href"], "#"); ok {
			links++
			if !ids[target] {
				t.Errorf("the link %q leads nowhere", target)
			}
		}
		for label := range strings.FieldsSeq(e.attrs["aria-labelledby"]) {
			if !ids[label] {
				t.Errorf("the label %q is not there", label)
			}
		}
	})
	if links < 200 {
		t.Errorf("there are only %d links", links)
	}
}

// TestForm demands that tables have headers, that examples can be reached by
// keyboard, and that there is neither style nor script.
func TestForm(t *testing.T) {
	page := rendered(t)
	for _, table := range page.all("table") {
		if table.attrs["aria-labelledby"] == "" {
			t.Error("a table has no name")
		}
		for _, row := range table.all("tr") {
			heads, cells := row.all("th"), row.all("td")
			ok := len(heads) == 1 && len(cells) == 1 && heads[0].attrs["scope"] == "row" ||
				len(heads) == 2 && len(cells) == 0 && heads[0].attrs["scope"] == "col" && heads[1].attrs["scope"] == "col"
			if !ok {
				t.Errorf("the row %q has no headers", row.text())
			}
		}
	}
	for _, pre := range page.all("pre") {
		if pre.attrs["tabindex"] != "0" {
			t.Errorf("the example %q cannot be reached by keyboard", pre.text())
		}
	}
	page.each(func(e *element) {
		if e.name == "script" || e.name == "style" {
			t.Errorf("there is a %s", e.name)
		}
		for name := range e.attrs {
			if name == "style" || strings.HasPrefix(name, "on") {
				t.Errorf("%s has the attribute %s", e.name, name)
			}
		}
	})
}

// longest is how many letters may stand without a break outside of examples,
// so that a row of a table fits on a screen of 320 pixels.
const longest = 20

// TestNarrow demands that long words may break.
func TestNarrow(t *testing.T) {
	var look func(e *element)
	look = func(e *element) {
		for _, child := range e.children {
			if child.name == "pre" {
				continue
			}
			for word := range strings.FieldsSeq(child.content) {
				if len(word) > longest {
					t.Errorf("%q cannot break", word)
				}
			}
			look(child)
		}
	}
	look(rendered(t))
}

// TestEscaped demands that nothing in the description becomes markup, and that
// it stands in the page as it is.
func TestEscaped(t *testing.T) {
	const form = `{"info":{"description":@},"tags":[{"name":"T","description":@}],
		"paths":{"/v1/{agent}":{"parameters":[{"name":"agent","in":"query","description":@,"schema":{"type":"string","default":@}}],
			"get":{"operationId":"x","tags":["T"],"summary":@,"description":@,
			"responses":{"200":{"description":@,"content":{"application/json":{"schema":{"$ref":"#/components/schemas/S"},"example":{"a":@}}}}}}}},
		"components":{"responses":{"R":{"description":@,"content":{"application/problem+json":{"example":{"type":@,"status":400}}}}},
			"requestBodies":{},"schemas":{"S":{"title":@,"description":@,"type":"object","properties":{"a":{"type":"string","enum":[@],"description":@}}}}}}`
	pieces := strings.Split(form, "@")
	var b strings.Builder
	b.WriteString(pieces[0])
	texts := make([]string, len(pieces)-1)
	for i := range texts {
		texts[i] = fmt.Sprintf(`'><script>alert('%d')</script>&amp;<b`, i)
		fmt.Fprintf(&b, "%q%s", texts[i], pieces[i+1])
	}
	fragment, err := render([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	page := read(t, string(fragment))
	if n := len(page.all("script")) + len(page.all("b")); n > 0 {
		t.Errorf("%d elements came from the description", n)
	}
	shown := page.text()
	for _, text := range texts {
		if !strings.Contains(shown, text) {
			t.Errorf("%s does not stand in the page", text)
		}
	}
}

// TestBroken demands an error for a description that is broken.
func TestBroken(t *testing.T) {
	whole := string(schemas.OpenAPIJSON())
	for name, broken := range map[string]string{
		"half of it":    whole[:len(whole)/2],
		"a lost answer": strings.Replace(whole, `"$ref":"#/components/responses/Consumers"`, `"$ref":"#/components/responses/Consumer"`, 1),
		"a lost schema": strings.Replace(whole, `"$ref":"#/components/schemas/Household"`, `"$ref":"elsewhere.yaml"`, 1),
	} {
		if broken == whole {
			t.Fatalf("%s is not broken", name)
		}
		if _, err := render([]byte(broken)); err == nil {
			t.Errorf("%s makes a page", name)
		}
	}
}

func TestPassages(t *testing.T) {
	got := passages("One `a_b` two\nthree.\n\n## A Title, here\n\n- x\n- y `z`\n  w\n\n```\ncode\n```\n")
	if len(got) != 2 || got[1].ID != "about-a-title-here" || got[1].Title != "A Title, here" {
		t.Fatalf("%+v", got)
	}
	first := got[0].Blocks
	if want := []span{{"One ", false}, {"a_b", true}, {" two three.", false}}; len(first) != 1 || !slices.Equal(first[0].Spans, want) {
		t.Errorf("%+v", first)
	}
	rest := got[1].Blocks
	if len(rest) != 2 || len(rest[0].Items) != 2 || len(rest[0].Items[1]) != 3 || rest[1].Code != "code" {
		t.Errorf("%+v", rest)
	}
}

// TestQuoted demands that an example is one word of a shell.
func TestQuoted(t *testing.T) {
	if got, want := quoted([]byte(`{"a": "it's"}`)), `'{"a":"it'\''s"}'`; got != want {
		t.Errorf("got %s", got)
	}
}

func TestParts(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "",
		"/v1/agents/{agent}/active":    "/v1/ agents/ {agent}/ active",
		"application_year":             "application_ year",
		"-updated":                     "-updated",
		"https://portal.example.org/a": "https:// portal. example. org/ a",
	} {
		if got := strings.Join(parts(text), " "); got != want {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}
