// Package apidocs makes the documentation of the HTTP API from its OpenAPI
// document, as a fragment of HTML for a page of the portal.
//
// All that the page says of requests, parameters, bodies and answers stands in
// the document. The fragment has no style or script in it, headings without gaps
// from h1 on, and ids that are unique; nothing but pre needs to scroll on a
// narrow screen. What the page around it looks like is left to the portal.
package apidocs
