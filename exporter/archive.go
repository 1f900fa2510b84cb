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

// compressionLevel is the level of compression. Higher levels take longer and save
// little.
const compressionLevel = 6

// zipEpoch is January 1, 1980 in the date format of zip archives. All parts have
// this time.
const zipEpoch = 1<<5 | 1

// archive is the zip archive of a workbook. Headers and compression come from a
// module whose version go.mod fixes, because those of the standard library may
// change with a Go release.
type archive struct{ *zip.Writer }

func newArchive(w io.Writer) (*archive, error) {
	deflater, err := flate.NewWriter(io.Discard, compressionLevel)
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

// create starts a part. The part ends when the next one starts.
func (a *archive) create(name string) (io.Writer, error) {
	//lint:ignore SA1019 the replacement field adds a second time to each header, in a form that Excel never writes
	w, err := a.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, ModifiedDate: zipEpoch})
	if err != nil {
		return nil, fmt.Errorf("part %s: %w", name, err)
	}
	return &limitedWriter{w: w, left: math.MaxUint32}, nil
}

// limitedWriter returns an error before a part reaches the size that requires the
// zip64 format, which Excel accepts from few writers.
type limitedWriter struct {
	w    io.Writer
	left int64
}

func (l *limitedWriter) Write(p []byte) (int, error) {
	if int64(len(p)) >= l.left {
		return 0, errors.New("larger than 4 GiB")
	}
	l.left -= int64(len(p))
	return l.w.Write(p)
}

// parts collects the parts of a workbook by name. It takes the place of excelize's
// zip writer, because excelize writes parts in its own order.
type parts map[string]*bytes.Buffer

// Create starts a part.
func (p parts) Create(name string) (io.Writer, error) {
	p[name] = new(bytes.Buffer)
	return p[name], nil
}

// AddFS implements excelize.ZipWriter. Excelize never calls it.
func (p parts) AddFS(fs.FS) error { return errors.ErrUnsupported }

// Close does nothing.
func (p parts) Close() error { return nil }
