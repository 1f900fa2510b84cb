// Package schemas holds what may be said to and by bookledger, as documents
// that any language can read: the JSON Schemas of the events (events/), the
// AsyncAPI description of the subjects (asyncapi.yaml), the OpenAPI description
// of the HTTP interface (openapi.json), the column sets of the book (book/) and
// a corpus of events with what a check must make of each (corpus/).
//
// The documents are normative: where code and a document differ, the code is
// wrong. They are embedded, so a program carries exactly the contracts that it
// was built with. The schemas refer to each other by their URNs and never by
// address; a validator needs all files of events/ and no network.
//
// The package reads its documents and no more. Judging events is left to
// package events, which does it by hand for speed and proves by the corpus
// that it agrees; making workbooks is left to package exporter.
package schemas
