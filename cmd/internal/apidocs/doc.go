// Package apidocs renders the OpenAPI document as the HTML of an API documentation
// page.
//
// Everything on the page about requests, parameters, bodies and responses comes
// from the document. The HTML has no styles and no scripts. Its headings start with
// h1 and skip no level, its ids are unique, and only pre elements need to scroll on
// a narrow screen. The frame and the layout of the page are left to the portal.
package apidocs
