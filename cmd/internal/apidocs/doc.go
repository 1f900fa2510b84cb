// Package apidocs makes the documentation of the HTTP interface from its
// OpenAPI description, as a fragment of HTML for a page of the portal.
//
// It promises that all that the page says of requests, parameters, bodies and
// answers stands in the description; that the fragment has no style or script
// in it, headings without gaps from h1 on, and ids that are unique; and that
// nothing but pre needs to scroll on a narrow screen. What the page around it
// looks like is left to the portal.
package apidocs
