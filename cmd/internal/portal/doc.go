// Package portal is the agents' portal: the pages on which people look at
// their consumers, act on them, transfer them and take their books.
//
// It promises that every page works without script and with the keyboard
// alone, that nothing personal stands in a URL, in a log or on an error page
// (a typed search is kept in the session), and that whatever others have
// written is shown as text. Package service decides what may be seen and done,
// [Options.Caller] says who asks, and package middleware sets the headers that
// guard all pages.
package portal
