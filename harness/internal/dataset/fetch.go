package dataset

import (
	"context"
	"crypto/md5" //nolint:gosec // the publishers of two datasets give no other hash
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	neturl "net/url"
	"os"
	"path/filepath"
)

// Progress is called while a file is downloaded; total is -1 where the server
// does not say.
type Progress func(file string, done, total int64)

// Fetch downloads the files of a dataset that are not there yet into dir, or
// into the user's cache where dir is empty, and returns the folder. A download
// that was interrupted goes on where it stopped. A file appears under its name
// only when it is complete and its hash is the published one.
func Fetch(ctx context.Context, name, dir string, progress Progress) (string, error) {
	s, err := find(name)
	if err != nil {
		return "", err
	}
	family, ok := s.(idxFamily)
	if !ok {
		return "", fmt.Errorf("dataset %s is drawn by the program: there is nothing to download", name)
	}
	if dir == "" {
		dir = family.cacheDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for _, file := range family.files {
		if _, ok := existing(dir, file); ok {
			if _, err := readVerified(dir, file); err != nil {
				return "", fmt.Errorf("%w (remove it first)", err)
			}
			continue
		}
		if err := fetchFile(ctx, family.mirrors, dir, file, progress); err != nil {
			return "", fmt.Errorf("downloading %s.gz for dataset %s: %w", file.name, name, err)
		}
	}
	return dir, nil
}

// fetchFile tries the mirrors in order.
func fetchFile(ctx context.Context, mirrors []string, dir string, file idxFile, progress Progress) error {
	var failures []error
	for _, mirror := range mirrors {
		err := fetchFrom(ctx, mirror+file.name+".gz", dir, file, progress)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w; the same command goes on where it stopped", context.Cause(ctx))
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

func fetchFrom(ctx context.Context, url, dir string, file idxFile, progress Progress) error {
	partial := filepath.Join(dir, file.name+".gz.partial")
	if err := download(ctx, url, partial, func(done, total int64) {
		if progress != nil {
			progress(file.name+".gz", done, total)
		}
	}); err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	hash, err := verifyDownload(partial, file)
	if err != nil {
		// What came is complete and wrong: going on from it would never help.
		return errors.Join(fmt.Errorf("%s: %w", url, err), os.Remove(partial))
	}
	if file.sha256 == "" {
		if err := os.WriteFile(filepath.Join(dir, file.name+".sha256"), []byte(hash+"\n"), 0o644); err != nil {
			return err
		}
	}
	return os.Rename(partial, filepath.Join(dir, file.name+".gz"))
}

// download appends to path what it does not hold of url yet.
func download(ctx context.Context, url, path string, progress func(done, total int64)) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Sync(), f.Close()) }()
	done, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if done > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", done))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*neturl.Error](err); ok {
			err = e.Err // the caller names the address
		}
		return err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusPartialContent:
	case http.StatusOK: // the whole file, from the beginning
		if done, err = f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := f.Truncate(0); err != nil {
			return err
		}
	case http.StatusRequestedRangeNotSatisfiable: // nothing is missing
		return nil
	default:
		return fmt.Errorf("the server answers %s", resp.Status)
	}
	total := int64(-1)
	if resp.ContentLength >= 0 {
		total = done + resp.ContentLength
	}
	_, err = io.Copy(f, io.TeeReader(resp.Body, writerFunc(func(b []byte) {
		done += int64(len(b))
		progress(done, total)
	})))
	if total >= 0 && done != total && (err == nil || errors.Is(err, io.ErrUnexpectedEOF)) {
		return fmt.Errorf("the connection ended after %d of %d bytes; the same command goes on from there", done, total)
	}
	return err
}

// verifyDownload checks a downloaded .gz file against what was published, and
// returns the SHA-256 of its decompressed bytes.
func verifyDownload(path string, file idxFile) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	packed := md5.New() //nolint:gosec // see idxFile
	data, err := decompress(io.TeeReader(f, packed))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	hash := hex.EncodeToString(sum[:])
	if file.sha256 != "" && hash != file.sha256 {
		return "", fmt.Errorf("what came is not the published file: SHA-256 of its decompressed bytes is %s, expected %s", hash, file.sha256)
	}
	if file.md5gz != "" {
		if _, err := io.Copy(packed, f); err != nil { // what the decompressor did not need
			return "", err
		}
		if got := hex.EncodeToString(packed.Sum(nil)); got != file.md5gz {
			return "", fmt.Errorf("what came is not the published file: its MD5 is %s, expected %s", got, file.md5gz)
		}
	}
	return hash, nil
}

type writerFunc func([]byte)

func (w writerFunc) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}
