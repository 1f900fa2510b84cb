package exporter

// AppendEscaped exports appendEscaped to tests.
var AppendEscaped = appendEscaped
