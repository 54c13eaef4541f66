package storefile

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"flowharness/harness/internal/fault"
)

// Source is a store file that runs are merged from. It is sound, of the newest schema, and is not
// written.
type Source struct {
	path  string // as the user named it
	file  string // what is read: path, or a copy with the newest schema
	mode  mode
	clean func() // removes what was created for reading it
}

// OpenSource opens a store that is to be merged into this one. The file is only read; if its schema
// is older, a copy is brought up to date. A trusted source is not searched for damage.
func (f *File) OpenSource(ctx context.Context, path string, trusted bool) (*Source, error) {
	if err := checkFile(ctx, path, f.busy); err != nil {
		return nil, err
	}
	src := &Source{path: path, clean: func() {}}
	if err := f.readySource(ctx, src, trusted); err != nil {
		src.clean()
		return nil, asSource(Failure("reading the store to merge", path, err))
	}
	return src, nil
}

func (f *File) readySource(ctx context.Context, src *Source, trusted bool) (err error) {
	if src.file, err = filepath.Abs(src.path); err != nil {
		return err
	}
	if same, err := sameFile(src.file, f.path); err != nil {
		return err
	} else if same {
		return errors.New("it is the store that it is to be merged into")
	}
	if original := src.file; !hasLog(original) {
		src.clean = func() { removeEmptyLog(original, f.busy) }
	}
	db, version, c, err := connectReadOnly(ctx, src.file, f.busy)
	if err != nil {
		return err
	}
	defer func() { db.Close() }()
	src.mode = c.mode()
	if version < f.version {
		if err := f.upgradeCopy(ctx, src, db); err != nil {
			return fmt.Errorf("bringing a copy of it to schema version %d: %w", f.version, err)
		}
		copied, err := connect(ctx, src.file, f.busy, reading)
		if err != nil {
			return err
		}
		db.Close()
		db = copied
	}
	if trusted {
		return nil
	}
	if err := f.sameTables(ctx, db); err != nil {
		return err
	}
	return checkIntegrity(ctx, db, queryQuickCheck)
}

// CheckFile tells whether this build can open or merge the store at path, as far as that can be
// told without reading the whole file. It writes nothing.
func CheckFile(ctx context.Context, path string) error {
	return checkFile(ctx, path, defaultBusy)
}

func checkFile(ctx context.Context, path string, busy time.Duration) error {
	const op = "reading the store"
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no store at %s: %w", path, fs.ErrNotExist)
	case err != nil:
		return fmt.Errorf("%s %s: %w", op, path, err)
	}
	if err = checkHeader(path, info); errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s %s: %w: make it readable for this user", op, path, fs.ErrPermission)
	} else if err == nil {
		err = checkWholePages(path, info)
	}
	if err != nil {
		return asSource(Failure(op, path, err))
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("%s %s: %w", op, path, err)
	}
	if !hasLog(absolute) {
		defer removeEmptyLog(absolute, busy)
	}
	db, version, _, err := connectReadOnly(ctx, absolute, busy)
	if err == nil {
		err = CheckVersion(version)
		db.Close()
	}
	return asSource(Failure(op, path, err))
}

// checkWholePages detects a file that is cut off within its last page. SQLite would read the
// missing part as zeros.
func checkWholePages(path string, info fs.FileInfo) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	const at = 16
	var field [2]byte
	if _, err := f.ReadAt(field[:], at); err != nil {
		return err
	}
	size := int64(binary.BigEndian.Uint16(field[:]))
	if size == 1 { // SQLite's way to write 65536 in two bytes
		size = 1 << 16
	}
	if size == 0 || info.Size()%size != 0 {
		return &Error{Kind: ErrCorrupt, Err: fmt.Errorf("it ends after %d bytes, within a page", info.Size())}
	}
	return nil
}

// upgradeCopy replaces the source by a copy of itself with the newest schema. The copy lies beside
// the store, since the folder of the source may not be writable.
func (f *File) upgradeCopy(ctx context.Context, src *Source, db *sql.DB) error {
	dir, err := os.MkdirTemp(filepath.Dir(f.path), "."+filepath.Base(f.path)+".merge-*")
	if err != nil {
		return err
	}
	tidy := src.clean
	src.clean = func() { tidy(); os.RemoveAll(dir) }
	src.file, src.mode = filepath.Join(dir, "source.db"), readingOnly
	if err := copyInto(ctx, db, src.file); err != nil {
		return err
	}
	return createOrMigrate(ctx, src.file, f.busy)
}

const (
	queryAllowCopies = `PRAGMA query_only = 0` // the file itself still cannot be written
	queryCopy        = `VACUUM INTO ?`
	queryTableTexts  = `SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*' AND name <> 'goose_db_version'`
)

// copyInto writes a compact copy of a database.
func copyInto(ctx context.Context, db *sql.DB, path string) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, queryAllowCopies); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, queryCopy, path)
	return err
}

// sameTables refuses a source whose tables are not those of its schema version: another program has
// made it.
func (f *File) sameTables(ctx context.Context, db *sql.DB) error {
	here, err := tableTexts(ctx, f.read)
	if err != nil {
		return err
	}
	there, err := tableTexts(ctx, db)
	if err != nil {
		return err
	}
	for name, text := range here {
		if there[name] != text {
			return &Error{Kind: ErrCorrupt, Err: fmt.Errorf("its table %s is not that of schema version %d", name, f.version)}
		}
	}
	return nil
}

func tableTexts(ctx context.Context, db *sql.DB) (map[string]string, error) {
	rows, err := db.QueryContext(ctx, queryTableTexts)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	texts := map[string]string{}
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		texts[name] = text
	}
	return texts, rows.Err()
}

func hasLog(path string) bool {
	_, err := os.Stat(path + "-wal")
	return err == nil
}

// removeEmptyLog lets SQLite remove the log and its index, which reading has created beside a file.
// Only a connection that may write removes them when it is closed.
func removeEmptyLog(path string, busy time.Duration) {
	ctx := context.Background()
	if db, err := connect(ctx, path, busy, reading); err == nil {
		fileVersion(ctx, db) // opens the log; errors have been reported before
		db.Close()
	}
}

// sameFile tells whether two paths lead to the same file.
func sameFile(a, b string) (bool, error) {
	infoA, err := os.Stat(a)
	if err != nil {
		return false, err
	}
	infoB, err := os.Stat(b)
	return err == nil && os.SameFile(infoA, infoB), err
}

// Path is the file as the user named it.
func (s *Source) Path() string { return s.path }

// Close removes what was created for reading the source.
func (s *Source) Close() { s.clean() }

// Damaged returns the error that the source contains something that no store contains.
func (s *Source) Damaged(err error) error {
	return asSource(Failure("reading the store to merge", s.path, &Error{Kind: ErrCorrupt, Err: err}))
}

const queryAttach = `ATTACH ? AS source`

// Attach opens a separate connection with this store as "main" and the source as "source". It
// cannot write the source. The connection for writing is not used, since others may be waiting for
// it.
func (f *File) Attach(ctx context.Context, s *Source) (*sql.DB, error) {
	db, err := connect(ctx, f.path, f.busy, writing)
	if err != nil {
		return nil, err
	}
	if _, err = db.ExecContext(ctx, queryAttach, dataSource(s.file, f.busy, s.mode)); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// CopyTo writes a compact copy of the file, which does not depend on the order in which things were
// written.
func (f *File) CopyTo(ctx context.Context, path string) error {
	db, err := f.Writing(ctx)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, queryCopy, path)
	return err
}

// asSource gives an error about a source the advice that fits a source.
func asSource(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	action, ok := map[error]fault.Action{
		ErrNotAStore:   fault.NameAStore,
		ErrNewerSchema: fault.UpdateProgram,
		ErrReadOnly:    fault.MakeReadable,
		ErrCorrupt:     fault.RecoverAndMerge,
	}[e.Kind]
	if !ok {
		return err
	}
	full := *e
	full.Help = fault.Do(action, e.Path)
	return &full
}
