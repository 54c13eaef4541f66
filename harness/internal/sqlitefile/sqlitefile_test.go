package sqlitefile

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/mattn/go-sqlite3"
)

// database makes a file with tables of both kinds and values of all types.
func database(t testing.TB, pageSize, rows int) (path string, db *sql.DB) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "x.db")
	db, err := sql.Open("sqlite3", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	execute(t, db, fmt.Sprintf("PRAGMA page_size = %d", pageSize), "PRAGMA journal_mode = WAL",
		"CREATE TABLE numbered (a, b, c)", "CREATE TABLE keyed (k TEXT, n INTEGER, v, PRIMARY KEY (k, n)) WITHOUT ROWID",
		"CREATE INDEX by_b ON numbered (b)")
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		for _, v := range valuesOf(i) {
			if _, err := tx.Exec("INSERT INTO numbered VALUES (?, ?, ?)", i, v, -i); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := tx.Exec("INSERT INTO keyed VALUES (?, ?, ?)", fmt.Sprint("key ", i%7), i, strings.Repeat("v", i%300*(i%3))); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return path, db
}

func execute(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func valuesOf(i int) []any {
	blob := make([]byte, (i*i*37)%20_000)
	for j := range blob {
		blob[j] = byte(i + j)
	}
	return []any{nil, int64(0), int64(1), int64(1)<<(i%63) + int64(i), -(int64(1) << (i % 63)), math.MinInt64, 1 / float64(i+1), math.Inf(-1),
		"", strings.Repeat("é", i*11%3000), blob}
}

// contents reads the rows of both tables as text, by SQLite or by this package.
func contents(t testing.TB, db *sql.DB) []string {
	t.Helper()
	var list []string
	for _, query := range []string{"SELECT 'numbered', rowid, a, b, c FROM numbered", "SELECT 'keyed', 0, k, n, v FROM keyed"} {
		rows, err := db.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var v [5]any
			if err := rows.Scan(&v[0], &v[1], &v[2], &v[3], &v[4]); err != nil {
				t.Fatal(err)
			}
			list = append(list, fmt.Sprintf("%v %v %#v", v[0], v[1], v[2:]))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(list)
	return list
}

func salvaged(t testing.TB, path string) ([]string, *File) {
	t.Helper()
	f, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	roots := map[int]string{}
	if _, err := f.Rows(t.Context(), func(root int) bool { return root == 1 }, func(r Row) error {
		roots[int(r.Values[3].(int64))] = r.Values[1].(string)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var list []string
	if _, err := f.Rows(t.Context(), func(int) bool { return true }, func(r Row) error {
		if name := roots[r.Root]; name == "numbered" || name == "keyed" {
			list = append(list, fmt.Sprintf("%s %d %#v", name, r.Number, r.Values))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list, f
}

func TestASoundFileIsReadAsSQLiteReadsIt(t *testing.T) {
	for _, pageSize := range []int{512, 1024, 4096, 65536} {
		for _, logged := range []bool{false, true} {
			t.Run(fmt.Sprint(pageSize, " logged ", logged), func(t *testing.T) {
				path, db := database(t, pageSize, 300)
				execute(t, db, "DELETE FROM numbered WHERE a % 5 = 0", "DELETE FROM keyed WHERE n BETWEEN 50 AND 120",
					"INSERT INTO numbered VALUES (1, 2, 3)")
				if !logged {
					execute(t, db, "PRAGMA wal_checkpoint(TRUNCATE)")
				}
				want := contents(t, db)
				got, f := salvaged(t, path)
				if !slices.Equal(got, want) {
					t.Errorf("%d rows are read, want %d; the first that differ are at %d", len(got), len(want), firstDifference(got, want))
				}
				if n := f.Unreadable(); n != 0 {
					t.Errorf("%d of %d pages are unreadable", n, f.Pages())
				}
			})
		}
	}
}

func firstDifference(a, b []string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

func TestALogThatWasNotWrittenToItsEndCountsUpToItsLastTransaction(t *testing.T) {
	path, db := database(t, 4096, 50)
	execute(t, db, "PRAGMA wal_checkpoint(TRUNCATE)", "UPDATE numbered SET c = 'first'")
	want := contents(t, db)
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, db, "UPDATE numbered SET c = 'second'")
	if err := os.Truncate(path+"-wal", info.Size()+5000); err != nil {
		t.Fatal(err)
	}
	if got, _ := salvaged(t, path); !slices.Equal(got, want) {
		t.Error("what is read is not as of the last whole transaction")
	}
}

func TestOpeningIsInterrupted(t *testing.T) {
	path, _ := database(t, 4096, 50)
	ctx, cancel := context.WithCancel(t.Context())
	f, err := Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cancel()
	if _, err := f.Rows(ctx, func(int) bool { return true }, func(Row) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("reading goes on: %v", err)
	}
	if _, err := Open(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("opening goes on: %v", err)
	}
}

// FuzzRows: whatever is in a file, it is read without a panic, and ends.
func FuzzRows(f *testing.F) {
	path, db := database(f, 512, 20)
	execute(f, db, "PRAGMA wal_checkpoint(TRUNCATE)")
	data, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[:8192], 100, []byte("garbage"))
	f.Add(data[:20_000], 512, []byte{13, 0, 0, 0, 200, 0, 0})
	f.Add([]byte{}, 0, []byte{})
	f.Fuzz(func(t *testing.T, data []byte, at int, garbage []byte) {
		if len(data) > 0 {
			copy(data[((at%len(data))+len(data))%len(data):], garbage)
		}
		path := filepath.Join(t.TempDir(), "x.db")
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		file, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		n := 0
		if _, err := file.Rows(t.Context(), func(int) bool { return true }, func(r Row) error {
			n += cmp.Compare(len(r.Values), 0)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if n > len(data) {
			t.Errorf("%d rows of %d bytes", n, len(data))
		}
	})
}
