package store

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/zap"

	"bookledger/events"
)

// Newest is later than every week. Reading as of Newest returns the live state.
const Newest = events.Date(1<<31 - 1)

// Options configure Open.
type Options struct {
	FS  vfs.FS // nil means the disk
	Log *zap.Logger
}

// Store is an open store.
type Store struct {
	db *pebble.DB
}

// Open opens the store in dir, creating it if necessary. It returns an error if
// another process has it open.
func Open(dir string, o Options) (*Store, error) {
	cache := pebble.NewCache(256 << 20)
	defer cache.Unref()
	po := &pebble.Options{
		FS:                          o.FS,
		Cache:                       cache,
		Logger:                      logger{o.Log},
		FormatMajorVersion:          pebble.FormatValueSeparation, // the newest of pebble v2.1
		MemTableSize:                64 << 20,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
	}
	po.Levels[0].FilterPolicy = bloom.FilterPolicy(10) // most lookups of event IDs find nothing
	db, err := pebble.Open(dir, po)
	if err != nil {
		return nil, fmt.Errorf("opening the projection's store in %s: %w; if the store is damaged, delete the projection folder to rebuild it from the journal", dir, err)
	}
	return &Store{db: db}, nil
}

// Close closes the store. It returns an error while a snapshot is open.
func (s *Store) Close() error { return s.db.Close() }

// Flush makes all committed data durable.
func (s *Store) Flush() error { return s.db.Flush() }

// DiskUsage returns the number of bytes that the store uses on disk.
func (s *Store) DiskUsage() uint64 { return s.db.Metrics().DiskSpaceUsage() }

// Reader reads either the current state of the store or a snapshot of it.
type Reader struct {
	r    pebble.Reader
	snap *pebble.Snapshot
}

// Reader returns a reader of the data that is committed at the time of each call.
func (s *Store) Reader() Reader { return Reader{r: s.db} }

// Snapshot returns a reader of the data that is committed now. It must be closed.
func (s *Store) Snapshot() Reader {
	snap := s.db.NewSnapshot()
	return Reader{r: snap, snap: snap}
}

// Close releases the snapshot, if r reads one.
func (r Reader) Close() error {
	if r.snap == nil {
		return nil
	}
	return r.snap.Close()
}

// Get returns a copy of the value of an unversioned key.
func (r Reader) Get(k []byte) (value []byte, ok bool, err error) {
	v, closer, err := r.r.Get(k)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, readError(err)
	}
	return bytes.Clone(v), true, closer.Close()
}

// Has reports whether an unversioned key exists.
func (r Reader) Has(k []byte) (bool, error) {
	_, closer, err := r.r.Get(k)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, readError(err)
	}
	return true, closer.Close()
}

// Cursor reads single versioned values. It is faster than Reader.At for many reads.
// It must be closed.
type Cursor struct{ it *pebble.Iterator }

// Cursor returns a cursor over the keys of k's kind, as they are at the time of the call.
func (r Reader) Cursor(k Key) (*Cursor, error) {
	it, err := r.r.NewIter(&pebble.IterOptions{LowerBound: k[:1], UpperBound: end(k[:1])})
	if err != nil {
		return nil, readError(err)
	}
	return &Cursor{it}, nil
}

// At returns the newest value of k that is not later than week. If there is none or
// if it is a tombstone, ok is false. The value is valid until the next call.
func (c *Cursor) At(k Key, week events.Date) (value []byte, ok bool, err error) {
	if !c.it.SeekGE(k.version(week)) {
		return nil, false, c.it.Error()
	}
	found, _ := splitVersion(c.it.Key())
	if !bytes.Equal(found, k) {
		return nil, false, nil
	}
	value, err = c.it.ValueAndErr()
	return value, len(value) > 0, err
}

// Close releases the cursor.
func (c *Cursor) Close() error { return c.it.Close() }

// At returns a copy of the newest value of k that is not later than week, as Cursor.At does.
func (r Reader) At(k Key, week events.Date) ([]byte, bool, error) {
	c, err := r.Cursor(k)
	if err != nil {
		return nil, false, err
	}
	v, ok, err := c.At(k, week)
	return bytes.Clone(v), ok, errors.Join(err, c.Close())
}

// Each calls yield for every key with the prefix, in key order, with the newest value
// that is not later than week. It skips tombstones. The name is the rest of the key
// after the prefix, without the final zero byte. Both arguments are valid only during
// the call.
func (r Reader) Each(prefix Key, week events.Date, yield func(name, value []byte) error) (err error) {
	it, err := r.r.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: end(prefix)})
	if err != nil {
		return readError(err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	var done []byte // the last key whose version was found
	for ok := it.First(); ok; ok = it.Next() {
		k, version := splitVersion(it.Key())
		if version > week || bytes.Equal(k, done) {
			continue
		}
		done = append(done[:0], k...)
		value, err := it.ValueAndErr()
		if err != nil {
			return readError(err)
		}
		if len(value) == 0 {
			continue
		}
		if err := yield(done[len(prefix):len(done)-1], value); err != nil {
			return err
		}
	}
	return nil
}

// EachUnversioned calls yield for every unversioned key from from to the end of its
// kind, in key order.
func (r Reader) EachUnversioned(from []byte, yield func(key, value []byte) error) error {
	return r.eachUnversioned(from, end(from[:1]), (*pebble.Iterator).First, (*pebble.Iterator).Next, yield)
}

// EachUnversionedWithPrefix calls yield for every unversioned key with the prefix, in
// key order.
func (r Reader) EachUnversionedWithPrefix(prefix []byte, yield func(key, value []byte) error) error {
	return r.eachUnversioned(prefix, end(prefix), (*pebble.Iterator).First, (*pebble.Iterator).Next, yield)
}

// EachTilePiece calls yield for every piece of a tile, in order.
func (r Reader) EachTilePiece(level int, number uint64, yield func(key, value []byte) error) error {
	return r.eachUnversioned(TilePiece(level, number, 0), TilePiece(level, number+1, 0), (*pebble.Iterator).First, (*pebble.Iterator).Next, yield)
}

// EachUnversionedBefore calls yield for every unversioned key of before's kind that
// sorts below before, in descending order.
func (r Reader) EachUnversionedBefore(before []byte, yield func(key, value []byte) error) error {
	return r.eachUnversioned(before[:1], before, (*pebble.Iterator).Last, (*pebble.Iterator).Prev, yield)
}

func (r Reader) eachUnversioned(from, to []byte, begin, step func(*pebble.Iterator) bool, yield func(key, value []byte) error) (err error) {
	it, err := r.r.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return readError(err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := begin(it); ok; ok = step(it) {
		value, err := it.ValueAndErr()
		if err != nil {
			return readError(err)
		}
		if err := yield(it.Key(), value); err != nil {
			return err
		}
	}
	return nil
}

func readError(err error) error { return fmt.Errorf("reading the projection's store: %w", err) }

// Batch collects changes that are committed together.
type Batch struct{ b *pebble.Batch }

// NewBatch returns an empty batch.
func (s *Store) NewBatch() *Batch { return &Batch{s.db.NewBatch()} }

// Set sets the value of k from week on. An empty value is a tombstone.
func (b *Batch) Set(k Key, week events.Date, value []byte) error {
	return b.b.Set(k.version(week), value, nil)
}

// Delete deletes the version of k for week.
func (b *Batch) Delete(k Key, week events.Date) error {
	return b.b.Delete(k.version(week), nil)
}

// SetUnversioned sets the value of an unversioned key.
func (b *Batch) SetUnversioned(k, value []byte) error { return b.b.Set(k, value, nil) }

// DeleteUnversioned deletes an unversioned key.
func (b *Batch) DeleteUnversioned(k []byte) error { return b.b.Delete(k, nil) }

// Commit commits the batch without syncing. Because of the write-ahead log, a crash
// loses only the newest batches, whose records can be read again from the journal.
func (b *Batch) Commit() error {
	if err := b.b.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("writing to the projection's store: %w", err)
	}
	return b.b.Close()
}

// Discard drops the batch.
func (b *Batch) Discard() error { return b.b.Close() }

// logger logs Pebble's errors. An error that Pebble calls fatal, such as a failed write
// to its log, ends the program, because the store's state is then unknown.
type logger struct{ log *zap.Logger }

func (l logger) Infof(string, ...any) {}

func (l logger) Errorf(format string, args ...any) {
	l.log.Error("store: " + fmt.Sprintf(format, args...))
}

func (l logger) Fatalf(format string, args ...any) {
	l.log.Fatal("store: " + fmt.Sprintf(format, args...))
}
