package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/files"
)

// unpack unpacks an archive into a folder: the store as store.db, and the checkpoints where those
// of a store in that folder belong. It is an error if anything differs from the manifest.
func unpack(ctx context.Context, in io.Reader, dir string, limit int64) (Manifest, error) {
	z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return Manifest{}, damaged(err)
	}
	defer z.Close()
	t := tar.NewReader(files.Reader(ctx, z))
	m, err := readManifest(t, limit)
	if err != nil {
		return m, err
	}
	checkpoints := checkpoint.RunDir(filepath.Join(dir, storeName), m.Run.ID)
	for _, f := range m.Files {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return m, fmt.Errorf("it ends before the file %s", f.Name)
		}
		if err != nil {
			return m, damaged(err)
		}
		if err := checkHeader(h, f); err != nil {
			return m, err
		}
		path := filepath.Join(dir, storeName)
		if name, ok := strings.CutPrefix(f.Name, checkpointsPrefix); ok {
			path = filepath.Join(checkpoints, name)
			if err := os.MkdirAll(checkpoints, 0o755); err != nil {
				return m, err
			}
		}
		if err := unpackFile(t, f, path); err != nil {
			return m, fmt.Errorf("its file %s: %w", f.Name, err)
		}
	}
	return m, checkEnd(t, z)
}

func readManifest(t *tar.Reader, limit int64) (Manifest, error) {
	h, err := t.Next()
	if errors.Is(err, io.EOF) {
		return Manifest{}, errors.New("it is empty")
	}
	if err != nil {
		return Manifest{}, damaged(err)
	}
	if h.Name != manifestName || h.Typeflag != tar.TypeReg || h.Size > maxManifest {
		return Manifest{}, fmt.Errorf("it is not an archive of a run: it begins with %q, not with %s", h.Name, manifestName)
	}
	data, err := io.ReadAll(io.LimitReader(t, maxManifest))
	if err != nil {
		return Manifest{}, damaged(err)
	}
	return parseManifest(data, limit)
}

// checkHeader refuses an entry that is not the next file of the manifest. The names in the manifest
// are safe, so nothing else can be written to.
func checkHeader(h *tar.Header, want File) error {
	switch {
	case h.Typeflag != tar.TypeReg:
		return fmt.Errorf("it holds %q, which is not a file but of tar's type %q", h.Name, h.Typeflag)
	case h.Name != want.Name && (strings.HasPrefix(h.Name, "/") || strings.Contains(h.Name, "..")):
		return fmt.Errorf("it holds %q, which leads out of the folder that it is unpacked into", h.Name)
	case h.Name != want.Name:
		return fmt.Errorf("it holds %q where its manifest has %s", h.Name, want.Name)
	case h.Size != want.Size:
		return fmt.Errorf("its file %s has %d bytes, its manifest says %d", h.Name, h.Size, want.Size)
	}
	return nil
}

func unpackFile(t *tar.Reader, f File, path string) error {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer out.Close() // again, without effect, where all went well
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(t, f.Size))
	if writing, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("unpacking it: %w", writing.Err)
	}
	if err != nil {
		return damaged(err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != f.Size || got != f.SHA256 {
		return fmt.Errorf("its SHA-256 is %s, the manifest says %s: the archive is damaged or was changed", got, f.SHA256)
	}
	return errors.Join(out.Sync(), out.Close())
}

// checkEnd reads to the end, where the checksum of the compressed data is.
func checkEnd(t *tar.Reader, z io.Reader) error {
	if h, err := t.Next(); err == nil {
		return fmt.Errorf("it holds %q, which is not in its manifest", h.Name)
	} else if !errors.Is(err, io.EOF) {
		return damaged(err)
	}
	rest, err := io.ReadAll(io.LimitReader(z, maxPadding+1))
	if err != nil {
		return damaged(err)
	}
	if len(rest) > maxPadding || len(bytes.Trim(rest, "\x00")) > 0 {
		return errors.New("something follows its last file")
	}
	return nil
}

// damaged explains an error of reading the archive.
func damaged(err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("it is cut off: copy it again")
	case errors.Is(err, zstd.ErrMagicMismatch):
		return errors.New("it is not an archive of a run: it is not compressed with zstd, or something follows its end")
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fmt.Errorf("unpacking it would take more than %d bytes of memory: it was not made by harness", maxWindow)
	}
	return fmt.Errorf("it is damaged: %w", err)
}
