package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	neturl "net/url"
	"os"
	"path/filepath"

	"flowharness/harness/internal/files"
)

// Observe is called while a file is downloaded; total is -1 where the server
// does not say.
type Observe func(file string, done, total int64)

// Fetch downloads the files of a dataset that are not there yet into dir, or
// into the user's cache where dir is empty, and returns the folder. A download
// that was interrupted goes on where it stopped. A file appears under its name
// only when it is complete and its hash is the published one.
func Fetch(ctx context.Context, name, dir string, observe Observe) (string, error) {
	s, err := find(name)
	if err != nil {
		return "", err
	}
	if IsOwn(name) {
		return "", fmt.Errorf("dataset %s is data of your own: there is nothing to download", name)
	}
	archive, isArchive := s.(Archive)
	set, isIDX := s.(IDX)
	if !isIDX && !isArchive {
		return "", fmt.Errorf("dataset %s is drawn by the program: there is nothing to download", name)
	}
	if dir == "" {
		dir = filepath.Join(cacheDir(), name)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if isArchive {
		return dir, archive.fetchTo(ctx, dir, observe)
	}
	for _, file := range set.Files {
		if path, ok := file.in(dir); ok {
			if _, _, err := set.read(path, file); err != nil {
				return "", fmt.Errorf("%w (remove it first)", err)
			}
			continue
		}
		check := func(path string) error { return set.verifyDownload(path, file) }
		if err := fetchAny(ctx, set.Mirrors, file.Name+".gz", dir, check, observe); err != nil {
			return "", fmt.Errorf("downloading %s.gz for dataset %s: %w", file.Name, name, err)
		}
	}
	return dir, nil
}

// fetchAny downloads a file into a folder from the first mirror that has it. It appears under its name when check has
// passed it.
func fetchAny(ctx context.Context, mirrors []string, name, dir string, check func(path string) error, observe Observe) error {
	var failures []error
	for _, mirror := range mirrors {
		err := fetchFrom(ctx, mirror+name, filepath.Join(dir, name), check, func(done, total int64) {
			if observe != nil {
				observe(name, done, total)
			}
		})
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

func fetchFrom(ctx context.Context, url, path string, check func(path string) error, observe func(done, total int64)) error {
	partial := path + ".partial"
	if err := download(ctx, url, partial, observe); err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	if err := check(partial); err != nil {
		// What came is complete and wrong: going on from it would never help.
		return errors.Join(fmt.Errorf("%s: %w", url, err), os.Remove(partial))
	}
	return files.Place(partial, path)
}

// download appends to path what it does not hold of url yet.
func download(ctx context.Context, url, path string, observe func(done, total int64)) (err error) {
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
		observe(done, total)
	})))
	if total >= 0 && done != total && (err == nil || errors.Is(err, io.ErrUnexpectedEOF)) {
		return fmt.Errorf("the connection ended after %d of %d bytes; the same command goes on from there", done, total)
	}
	return err
}

// verifyDownload checks a downloaded .gz file against what was published.
func (s IDX) verifyDownload(path string, file IDXFile) error {
	_, sum, err := unpack(path)
	if err != nil {
		return err
	}
	if err := s.verify(sum, file); err != nil {
		return fmt.Errorf("what came is %w", err)
	}
	if file.PackedSHA256 != "" && sum.packed != file.PackedSHA256 {
		return fmt.Errorf("what came is not the published file: its SHA-256 is %s, expected %s", sum.packed, file.PackedSHA256)
	}
	return nil
}

type writerFunc func([]byte)

func (w writerFunc) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}
