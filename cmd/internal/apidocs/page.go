package apidocs

import "strings"

// page is the documentation as the template shows it.
type page struct {
	Intro    []block
	Guide    []passage
	Groups   []group
	Problems []problem
	Objects  []object
	Values   []field
}

// group are the operations of a tag.
type group struct {
	ID         string
	Name       string
	Blocks     []block
	Operations []operation
}

type operation struct {
	ID         string
	Method     string
	Path       string
	Summary    string
	Blocks     []block
	Parameters []field
	Body       *body
	Answers    []answer
	Request    string // of curl
	Answered   answer // the first one, with its example
}

type body struct {
	Meaning []span
	Fields  []field
}

type answer struct {
	Status  string
	Meaning []span
	Type    kind
	Headers []string
	Media   string
	Example string
}

// field is a parameter, or a member of an object, or a kind of value.
type field struct {
	ID      string // of a kind of value
	Name    string
	Type    kind
	Notes   []string // such as "in the path", "required", "may be absent"
	Meaning []span
}

// problem is a type of problem that requests are answered with.
type problem struct {
	Type    string
	Status  string
	Meaning []span
}

type object struct {
	ID     string
	Title  string
	Blocks []block
	Fields []field
}

// builder makes the page, and keeps the first thing that is wrong with the
// description.
type builder struct {
	document
	err error
}

func (b *builder) at(n node) node {
	n, err := b.resolved(n)
	if b.err == nil {
		b.err = err
	}
	return n
}

func newPage(d document) (page, error) {
	b := &builder{document: d}
	told := passages(d.member("info").member("description").text())
	p := page{Intro: told[0].Blocks, Guide: told[1:]}
	for _, tag := range d.member("tags").items {
		name := tag.member("name").text()
		p.Groups = append(p.Groups, group{
			ID: "group-" + slug(name), Name: name, Blocks: blocksOf(tag.member("description").text()), Operations: b.operations(name),
		})
	}
	p.Problems = b.problems()
	p.Objects, p.Values = b.objects()
	return p, b.err
}

func (b *builder) operations(tag string) []operation {
	var all []operation
	paths := b.member("paths")
	for _, path := range paths.names {
		item := b.at(paths.member(path))
		for _, method := range item.names {
			o := item.member(method)
			if tags := o.member("tags").items; len(tags) > 0 && tags[0].text() == tag {
				all = append(all, b.operation(path, strings.ToUpper(method), item, o))
			}
		}
	}
	return all
}

func (b *builder) operation(path, method string, item, n node) operation {
	o := operation{
		ID: n.member("operationId").text(), Method: method, Path: path,
		Summary: n.member("summary").text(), Blocks: blocksOf(n.member("description").text()),
	}
	parameters := append(append([]node{}, item.member("parameters").items...), n.member("parameters").items...)
	for i := range parameters {
		parameters[i] = b.at(parameters[i])
		o.Parameters = append(o.Parameters, b.parameter(parameters[i]))
	}
	request := b.at(n.member("requestBody"))
	if request.there() {
		schema := request.member("content").member("application/json").member("schema")
		o.Body = &body{spansOf(request.member("description").text()), b.fields(schema, "required", "optional")}
	}
	responses := n.member("responses")
	for _, status := range responses.names {
		o.Answers = append(o.Answers, b.answer(status, b.at(responses.member(status))))
	}
	if len(o.Answers) > 0 {
		o.Answered = o.Answers[0]
	}
	o.Request = curl{
		method: method, path: path, parameters: parameters, body: request,
		open: n.member("security").there(), file: o.Answered.Media == workbook,
	}.String()
	return o
}

func (b *builder) parameter(n node) field {
	where := "in the query"
	if n.member("in").text() == "path" {
		where = "in the path"
	}
	f := field{
		Name: n.member("name").text(), Type: b.kind(n.member("schema")),
		Notes: []string{where}, Meaning: spansOf(n.member("description").text()),
	}
	if n.member("required").text() != "true" {
		f.Notes = append(f.Notes, "optional")
	}
	return f
}

const workbook = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

func (b *builder) answer(status string, n node) answer {
	a := answer{Status: status, Meaning: spansOf(n.member("description").text())}
	headers := n.member("headers")
	a.Headers = headers.names
	for media, content := range n.member("content").members { // there is one
		a.Media, a.Type = media, b.kind(content.member("schema"))
		if example := content.member("example"); strings.HasSuffix(media, "json") {
			a.Example = example.indented()
		} else if example.there() {
			a.Example = strings.TrimSpace(example.text())
		}
	}
	if a.Media == workbook {
		lines := []string{"Content-Type: " + a.Media}
		for _, name := range headers.names {
			lines = append(lines, name+": "+b.at(headers.member(name)).member("example").text())
		}
		a.Example = strings.Join(lines, "\n")
	}
	return a
}

// problems are the types of problems of all answers, each once.
func (b *builder) problems() []problem {
	var all []problem
	responses := b.member("components").member("responses")
	for _, name := range responses.names {
		r := responses.member(name)
		example := r.member("content").member("application/problem+json").member("example")
		if example.there() {
			all = append(all, problem{example.member("type").text(), example.member("status").text(), spansOf(r.member("description").text())})
		}
	}
	return all
}

// objects are the objects of the answers, and the kinds of values that they
// and the requests hold.
func (b *builder) objects() ([]object, []field) {
	var objects []object
	var values []field
	schemas := b.member("components").member("schemas")
	asked := b.requested()
	for _, name := range schemas.names {
		n := schemas.member(name)
		title, meaning := n.member("title").text(), n.member("description").text()
		switch {
		case asked[name], told(n):
		case n.member("properties").there():
			reference := node{members: map[string]node{"$ref": {raw: []byte(`"#/components/schemas/` + name + `"`)}}}
			objects = append(objects, object{anchor(name), title, blocksOf(meaning), b.fields(reference, "", "may be absent")})
		default:
			values = append(values, field{ID: anchor(name), Name: title, Type: b.inline(n), Meaning: spansOf(meaning)})
		}
	}
	return objects, values
}

// requested are the names of the schemas of request bodies, whose members
// stand with the requests.
func (b *builder) requested() map[string]bool {
	all := map[string]bool{}
	bodies := b.member("components").member("requestBodies")
	for _, name := range bodies.names {
		all[nameOf(bodies.member(name).member("content").member("application/json").member("schema"))] = true
	}
	return all
}

// fields are the members of an object, with a note on those that must be there
// and on those that need not; a blank note is left out.
func (b *builder) fields(schema node, must, need string) []field {
	n := b.at(schema)
	required := map[string]bool{}
	for _, name := range n.member("required").items {
		required[name.text()] = true
	}
	var all []field
	properties := n.member("properties")
	for _, name := range properties.names {
		p := properties.member(name)
		f := field{Name: name, Type: b.kind(p), Meaning: spansOf(p.member("description").text())}
		note := need
		if required[name] {
			note = must
		}
		if note != "" {
			f.Notes = append(f.Notes, note)
		}
		all = append(all, f)
	}
	return all
}
