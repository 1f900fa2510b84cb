// Package schemas holds the published contracts, as documents that any language
// can read: JSON Schemas of the events (events/), the subjects (asyncapi.yaml),
// the HTTP API (openapi.json), the columns of the book (book/), and messages with
// what a check must say of each (corpus/).
//
// Where code and a document differ, the code is wrong. Schemas name each other by
// URN, so a validator needs all files of events/ and no network. Programs embed
// the columns and the HTTP API; package events checks messages in Go, and its
// tests hold it to the schemas and the corpus.
package schemas
