// Package api implements the JSON HTTP API under /v1. Errors are RFC 9457 problems.
//
// Requests, responses, limits and problems are Go types. The huma package derives
// the OpenAPI document from them; a test compares it with schemas/openapi.json.
// Every invalid request gets the documented status and the name of the invalid
// field. The use cases are left to package service, and the authentication of
// callers to package web.
package api
