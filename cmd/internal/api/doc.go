// Package api is the HTTP API below /v1: JSON in and out, problems as RFC 9457
// has them.
//
// Requests, answers, limits and problems are Go types, from which huma makes
// the OpenAPI document (schemas/openapi.json; a test compares the two). The
// package says nothing but what package service says, and answers every request
// that is wrong with the status of the contracts and the field that is wrong.
// Who asks is told to it.
package api
