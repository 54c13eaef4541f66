package dataset

import (
	"crypto/md5" // tells files apart where no other hash is published
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// hashes of the decompressed bytes of a file, and of the file itself, in hex.
type hashes struct{ sha256, md5, packed string }

func hashesOf(data []byte) hashes {
	long, short := sha256.Sum256(data), md5.Sum(data) // see the import
	return hashes{sha256: hex.EncodeToString(long[:]), md5: hex.EncodeToString(short[:])}
}

// read returns the decompressed bytes of a file of the dataset, and their hashes.
// A file that is not the published one is an error.
func (s IDX) read(path string, file IDXFile) ([]byte, hashes, error) {
	data, sum, err := unpack(path)
	switch {
	case errors.As(err, new(*fs.PathError)):
		return nil, hashes{}, err
	case err != nil:
		return nil, hashes{}, fmt.Errorf("%s: %w; fetch it again", path, err)
	}
	if err := s.verify(sum, file); err != nil {
		return nil, sum, fmt.Errorf("%s is %w", path, err)
	}
	return data, sum, nil
}

// unpack returns the decompressed bytes of a file, and the hashes.
func unpack(path string) ([]byte, hashes, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, hashes{}, err
	}
	defer f.Close()
	packed := sha256.New()
	data, err := decompress(io.TeeReader(f, packed))
	if err != nil {
		return nil, hashes{}, err
	}
	if _, err := io.Copy(packed, f); err != nil { // what the decompressor did not need
		return nil, hashes{}, err
	}
	sum := hashesOf(data)
	sum.packed = hex.EncodeToString(packed.Sum(nil))
	return data, sum, nil
}

// verify compares a file's hashes with the published one. The error goes on a
// sentence "… is".
func (s IDX) verify(sum hashes, file IDXFile) error {
	if file.is(sum) {
		return nil
	}
	if name, other, known := ownerOf(sum); known {
		return fmt.Errorf("%s of dataset %s, not %s of %s: a run on it would bear the wrong name", other.Name, name, file.Name, s.ID)
	}
	switch {
	case file.SHA256 != "":
		return fmt.Errorf("not the published file: the SHA-256 of its decompressed bytes is %s, expected %s; fetch it again",
			sum.sha256, file.SHA256)
	case file.MD5 != "":
		return fmt.Errorf("not the published file: the MD5 of its decompressed bytes is %s, expected %s; fetch it again", sum.md5, file.MD5)
	}
	return nil
}

// is reports whether a file with these hashes is known to be the published one.
func (f IDXFile) is(sum hashes) bool {
	return f.SHA256 != "" && f.SHA256 == sum.sha256 || f.MD5 != "" && f.MD5 == sum.md5 ||
		f.PackedSHA256 != "" && f.PackedSHA256 == sum.packed
}

// ownerOf finds the dataset and its file that hashes are the published ones of.
func ownerOf(sum hashes) (name string, file IDXFile, known bool) {
	for _, source := range sources {
		set, ok := source.(IDX)
		if !ok {
			continue
		}
		for _, f := range set.Files {
			if f.is(sum) {
				return set.ID, f, true
			}
		}
	}
	return "", IDXFile{}, false
}
