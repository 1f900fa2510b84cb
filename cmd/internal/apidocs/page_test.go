package apidocs_test

import (
	"encoding/xml"
	"fmt"
	"html"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"bookledger/cmd/internal/api"
	"bookledger/cmd/internal/apidocs"
	"bookledger/cmd/internal/fixture"
)

// element is an HTML element of the page.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []*element `xml:",any"`
	Inner    string     `xml:",innerxml"`
}

// read parses the fragment as XML, which fails if an element is not closed
// correctly.
func read(t *testing.T, fragment string) *element {
	t.Helper()
	root := new(element)
	fixture.Must(t, xml.Unmarshal([]byte("<body>"+strings.ReplaceAll(fragment, "<wbr>", "<wbr/>")+"</body>"), root))
	return root
}

func (e *element) name() string { return e.XMLName.Local }

func (e *element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// each calls yield for every element below e, in document order.
func (e *element) each(yield func(*element)) {
	for _, child := range e.Children {
		yield(child)
		child.each(yield)
	}
}

// all returns the elements below e with a name.
func (e *element) all(name string) (found []*element) {
	e.each(func(child *element) {
		if child.name() == name {
			found = append(found, child)
		}
	})
	return found
}

var tag = regexp.MustCompile(`<[^>]*>`)

// text returns the text of the element.
func (e *element) text() string { return html.UnescapeString(tag.ReplaceAllString(e.Inner, "")) }

func document(t *testing.T) (*huma.OpenAPI, []*huma.Operation) {
	t.Helper()
	a, err := api.New(api.Options{})
	fixture.Must(t, err)
	return a.Document()
}

func rendered(t *testing.T) *element {
	t.Helper()
	fragment, err := apidocs.Render(document(t))
	fixture.Must(t, err)
	return read(t, string(fragment))
}

// operation returns the section of the page about an operation.
func operation(t *testing.T, page *element, id string) *element {
	t.Helper()
	for _, s := range page.all("section") {
		if s.attr("class") == "operation" && strings.Contains(s.Inner, ` id="`+id+`"`) {
			return s
		}
	}
	t.Fatalf("no section for %s", id)
	return nil
}

// TestEveryOperationIsDocumented checks that the page shows the path, the
// parameters, the responses and the examples of every operation.
func TestEveryOperationIsDocumented(t *testing.T) {
	page := rendered(t)
	_, operations := document(t)
	for _, op := range operations {
		s := operation(t, page, op.OperationID)
		if title, request := s.all("h3")[0].text(), s.all("p")[0].text(); title != op.Summary || request != op.Method+" "+op.Path {
			t.Errorf("%s: got title %q, request %q", op.OperationID, title, request)
		}
		var rows []string
		for _, th := range s.all("th") {
			if th.attr("scope") == "row" {
				rows = append(rows, th.text())
			}
		}
		want := slices.Collect(maps.Keys(op.Responses))
		for _, p := range op.Parameters {
			want = append(want, p.Name)
		}
		for _, name := range want {
			if !slices.Contains(rows, name) {
				t.Errorf("%s: %s is missing", op.OperationID, name)
			}
		}
		examples := s.all("pre")
		if len(examples) != 2 || examples[1].text() == "" {
			t.Fatalf("%s: got %d examples, want 2", op.OperationID, len(examples))
		}
		command := examples[0].text()
		if !strings.HasPrefix(command, "curl ") || strings.ContainsAny(strings.ReplaceAll(command, "--json '{", ""), "{") ||
			strings.Contains(command, "$TOKEN") != (op.Security == nil) ||
			op.Method == "POST" && !strings.Contains(command, "--json") && !strings.Contains(command, "--request POST") {
			t.Errorf("%s: invalid example request\n%s", op.OperationID, command)
		}
	}
}

// TestExportBookSection checks one operation in detail.
func TestExportBookSection(t *testing.T) {
	found := operation(t, rendered(t), "exportBook")
	const want = `curl --header "Authorization: Bearer $TOKEN" \
  --json '{"disclaimer":"1","accepted":true}' \
  --remote-name --remote-header-name \
  "$PORTAL/v1/agents/A100001/books/2026-11-20"`
	if got := found.all("pre")[0].text(); got != want {
		t.Errorf("got the request\n%s", got)
	}
	text := found.text()
	for _, part := range []string{"Identifier, in the path", "true or false, required", "at most 20 characters, optional", "Repr-Digest: sha-256=:", "headers Cache-Control, Content-Disposition"} {
		if !strings.Contains(text, part) {
			t.Errorf("the section lacks %q", part)
		}
	}
}

// TestHeadingLevels checks that there is one h1, at the beginning, and that no level
// is skipped.
func TestHeadingLevels(t *testing.T) {
	last, count := 0, 0
	rendered(t).each(func(e *element) {
		if len(e.name()) != 2 || e.name()[0] != 'h' {
			return
		}
		level := int(e.name()[1] - '0')
		if level > last+1 || level == 1 && count > 0 {
			t.Errorf("%s %q follows a heading of level %d", e.name(), e.text(), last)
		}
		if strings.TrimSpace(e.text()) == "" || e.attr("id") == "" {
			t.Errorf("%s %q: got id %q, want both text and id", e.name(), e.text(), e.attr("id"))
		}
		last = level
		count++
	})
	if count < 100 {
		t.Errorf("got %d headings, want at least 100", count)
	}
}

// TestIDsAreUniqueAndLinked checks that ids are unique, and that every link and label
// refers to one.
func TestIDsAreUniqueAndLinked(t *testing.T) {
	page := rendered(t)
	ids := map[string]bool{}
	page.each(func(e *element) {
		id := e.attr("id")
		if id != "" && (ids[id] || !regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`).MatchString(id)) {
			t.Errorf("duplicate or invalid id %q", id)
		}
		ids[id] = true
	})
	links := 0
	page.each(func(e *element) {
		if target, ok := strings.CutPrefix(e.attr("href"), "#"); ok {
			links++
			if !ids[target] {
				t.Errorf("link to missing id %q", target)
			}
		}
		for label := range strings.FieldsSeq(e.attr("aria-labelledby")) {
			if !ids[label] {
				t.Errorf("label with missing id %q", label)
			}
		}
	})
	if links < 200 {
		t.Errorf("got %d links, want at least 200", links)
	}
}

// TestAccessibleMarkup checks that tables have headers, that examples can be reached
// by keyboard, and that there are no styles and scripts.
func TestAccessibleMarkup(t *testing.T) {
	page := rendered(t)
	for _, table := range page.all("table") {
		if table.attr("aria-labelledby") == "" {
			t.Error("a table has no label")
		}
		for _, row := range table.all("tr") {
			heads, cells := row.all("th"), row.all("td")
			ok := len(heads) == 1 && len(cells) == 1 && heads[0].attr("scope") == "row" ||
				len(heads) == 2 && len(cells) == 0 && heads[0].attr("scope") == "col" && heads[1].attr("scope") == "col"
			if !ok {
				t.Errorf("row %q: wrong header cells", row.text())
			}
		}
	}
	for _, pre := range page.all("pre") {
		if pre.attr("tabindex") != "0" {
			t.Errorf("example %q cannot be reached by keyboard", pre.text())
		}
	}
	page.each(func(e *element) {
		if e.name() == "script" || e.name() == "style" {
			t.Errorf("unexpected element %s", e.name())
		}
		for _, a := range e.Attrs {
			if a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") {
				t.Errorf("%s: unexpected attribute %s", e.name(), a.Name.Local)
			}
		}
	})
}

// maxWord is the most characters without a break outside of examples. Rows of tables
// then fit on a screen that is 320 pixels wide.
const maxWord = 20

// TestLongWordsBreak checks that lines can break within long words.
func TestLongWordsBreak(t *testing.T) {
	fragment, err := apidocs.Render(document(t))
	fixture.Must(t, err)
	text := regexp.MustCompile(`(?s)<pre.*?</pre>|<[^>]*>`).ReplaceAllString(string(fragment), " ")
	for word := range strings.FieldsSeq(html.UnescapeString(text)) {
		if len(word) > maxWord {
			t.Errorf("%q cannot break", word)
		}
	}
}

// TestTextIsEscaped checks that no text of the document becomes markup, and that the
// page shows it unchanged.
func TestTextIsEscaped(t *testing.T) {
	const evil = "'><script>alert('1')</script>&amp;<b"
	d, operations := document(t)
	op := *operations[0]
	op.Summary, op.Path = evil+"2", evil+"3"
	op.Description = evil + "4\n\n- " + evil + "5 `" + evil + "6`\n\n```\n" + evil + "7\n```"
	op.Parameters = []*huma.Param{{Name: evil + "8", In: "query", Description: evil + "9", Schema: &huma.Schema{Type: "string", Enum: []any{evil + "10"}}}}
	d.Info.Description = evil + "11\n## " + evil + "12\n" + evil + "13"
	fragment, err := apidocs.Render(d, []*huma.Operation{&op})
	fixture.Must(t, err)
	page := read(t, string(fragment))
	if n := len(page.all("script")) + len(page.all("b")); n > 0 {
		t.Errorf("got %d elements from texts, want 0", n)
	}
	shown := page.text()
	for i := 2; i <= 13; i++ {
		if !strings.Contains(shown, fmt.Sprint(evil, i)) {
			t.Errorf("text %s%d is missing", evil, i)
		}
	}
}
