package exporter

// Level is the level of compression.
const Level = level

// AppendEscaped appends text as it stands in a cell.
var AppendEscaped = appendEscaped
