package exporter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zip"
)

// level of compression: higher ones take longer and save little.
const level = 6

// firstDay is 1 January 1980 as zip archives write it, the time of all parts.
const firstDay = 1<<5 | 1

// archive is the zip archive of a workbook. Both its headers and its
// compression come from a module whose version go.mod fixes: those of the
// standard library may change with a release of Go.
type archive struct{ *zip.Writer }

func newArchive(w io.Writer) (*archive, error) {
	deflater, err := flate.NewWriter(io.Discard, level)
	if err != nil {
		return nil, err
	}
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		deflater.Reset(w)
		return deflater, nil
	})
	return &archive{z}, nil
}

// create begins a part, which ends where the next one begins.
func (a *archive) create(name string) (io.Writer, error) {
	//lint:ignore SA1019 the field that is to replace it adds a second time to each header, in a form that Excel never writes
	w, err := a.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, ModifiedDate: firstDay})
	if err != nil {
		return nil, fmt.Errorf("part %s: %w", name, err)
	}
	return &limited{w: w, left: math.MaxUint32}, nil
}

// limited holds a part below the size from which on archives need the zip64
// form, which Excel takes from few writers.
type limited struct {
	w    io.Writer
	left int64
}

func (l *limited) Write(p []byte) (int, error) {
	if int64(len(p)) >= l.left {
		return 0, errors.New("it would be larger than 4 GiB")
	}
	l.left -= int64(len(p))
	return l.w.Write(p)
}

// parts collects the parts of a workbook from excelize, in the place of a zip
// writer: excelize hands them out in an order of its own.
type parts map[string]*bytes.Buffer

// Create begins a part.
func (p parts) Create(name string) (io.Writer, error) {
	p[name] = new(bytes.Buffer)
	return p[name], nil
}

// AddFS is part of excelize's interface, which never calls it.
func (p parts) AddFS(fs.FS) error { return errors.ErrUnsupported }

// Close ends the last part.
func (p parts) Close() error { return nil }
