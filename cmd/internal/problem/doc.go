// Package problem defines the errors that a caller of the portal or the API may
// see, in the form of RFC 9457.
//
// Each problem has an HTTP status, a stable type, and a text that is safe to
// show: no problem contains personal data. Pages and the API render the same
// problems, each in its own form.
package problem
