package merkle

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// TileHeight is the number of tree levels that a tile covers. TileWidth is the
// number of hashes in a full tile.
const (
	TileHeight = 8
	TileWidth  = 1 << TileHeight
)

// fullBytes is the size of a full tile in bytes.
const fullBytes = TileWidth * tlog.HashSize

// Hash is the SHA-256 hash of a leaf, an inner node or a root.
type Hash = tlog.Hash

// Tile identifies a tile. Its hashes are on level Level*TileHeight of the tree,
// beginning with hash Number*TileWidth. Level 0 contains the leaves.
type Tile struct {
	Level  int
	Number uint64
}

// String returns the tile's number and level, for messages.
func (t Tile) String() string { return fmt.Sprintf("tile %d of level %d", t.Number, t.Level) }

// Parent returns the tile that contains the root of t if t is full, and the
// index of that root in the parent.
func (t Tile) Parent() (parent Tile, at int) {
	return Tile{t.Level + 1, t.Number / TileWidth}, int(t.Number % TileWidth)
}

// HashAt returns the hash with index at from the hashes of a tile.
func HashAt(hashes []byte, at int) Hash { return Hash(hashes[at*tlog.HashSize:][:tlog.HashSize]) }

// TileRoot returns the root of the hashes of a full tile.
func TileRoot(hashes []byte) Hash {
	var row [TileWidth / 2]Hash
	for i := range row {
		row[i] = tlog.NodeHash(HashAt(hashes, 2*i), HashAt(hashes, 2*i+1))
	}
	for n := len(row) / 2; n > 0; n /= 2 {
		for i := range n {
			row[i] = tlog.NodeHash(row[2*i], row[2*i+1])
		}
	}
	return row[0]
}
