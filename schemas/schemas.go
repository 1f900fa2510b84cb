package schemas

import _ "embed"

//go:embed openapi.json
var openAPI []byte

// OpenAPI returns the OpenAPI 3.1 description of the HTTP API in JSON. The document
// is generated from the types in cmd/internal/api. Callers must not modify it.
func OpenAPI() []byte { return openAPI }
