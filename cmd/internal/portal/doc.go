// Package portal is the agents' portal: the pages on which people look at
// their consumers, act on them, transfer them and take their books.
//
// It promises that every page works without script and with the keyboard
// alone, that nothing personal stands in a URL, in a log or on an error page
// (a typed search is kept in the session), and that whatever others have
// written is shown as text. What may be seen and done is decided by package
// service, who asks is told by the caller's function, and the headers that guard
// all pages are the middleware's.
package portal
