package schemas

import _ "embed"

//go:embed openapi.json
var openAPI []byte

// OpenAPI returns the OpenAPI 3.1 description of the HTTP API, in JSON. It is
// generated from the API's types: see cmd/internal/api. It is shared, and must
// not be changed.
func OpenAPI() []byte { return openAPI }
