// Package schemas contains the published contracts as documents for any language:
// JSON Schemas of the events (events/), the subjects (asyncapi.yaml), the HTTP API
// (openapi.json), the columns of the book (book/), and example messages with their
// expected results (corpus/).
//
// Where code and a document differ, the code is wrong. Schemas refer to each other
// by URN, so a validator needs all files in events/ and no network. The package
// embeds the columns and the HTTP API. Checking messages is left to package events,
// whose tests compare its checks with the schemas and the corpus.
package schemas
