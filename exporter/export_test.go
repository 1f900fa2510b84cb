package exporter

// AppendEscaped appends text as it stands in a cell.
var AppendEscaped = appendEscaped
