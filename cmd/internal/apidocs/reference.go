package apidocs

import (
	_ "embed"
	"fmt"
	"html/template"
	"strings"

	"bookledger/schemas"
)

//go:embed reference.html
var source string

// Render returns the documentation as a fragment of HTML that begins with its
// h1. It fails only where the description that the program carries is broken.
func Render() (template.HTML, error) { return render(schemas.OpenAPIJSON()) }

func render(description []byte) (template.HTML, error) {
	root, err := parse(description)
	if err != nil {
		return "", fmt.Errorf("reading the description of the interface: %w", err)
	}
	p, err := newPage(document{root})
	if err != nil {
		return "", fmt.Errorf("reading the description of the interface: %w", err)
	}
	t, err := template.New("reference").Funcs(template.FuncMap{"parts": parts}).Parse(source)
	if err != nil {
		return "", fmt.Errorf("reading the page of the interface: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, p); err != nil {
		return "", fmt.Errorf("making the page of the interface: %w", err)
	}
	return template.HTML(b.String()), nil
}
