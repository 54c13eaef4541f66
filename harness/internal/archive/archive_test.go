package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"flowharness/harness/internal/checkpoint"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func get[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return v
	}
}

func openStore(t testing.TB) *store.Store {
	t.Helper()
	s := get(store.Open(t.Context(), filepath.Join(t.TempDir(), "runs", "harness.db")))(t)
	t.Cleanup(func() { s.Close() })
	return s
}

// recordRun records a finished run with two checkpoints.
func recordRun(t testing.TB, s *store.Store, name string) store.RunInfo {
	t.Helper()
	run := get(s.CreateRun(t.Context(), store.NewRun{Name: name, ConfigHash: "c0ffee", Seed: 3, Tags: []string{"paper"},
		ResolvedYAML: "name: " + name}))(t)
	w := get(s.OpenWriter(t.Context(), run.ID))(t)
	for step := range 50 {
		w.Point("train/loss", step, 1/float64(step)) // the first is infinite
		w.Point("odd", step, math.NaN())
	}
	w.Progress(50, 50)
	w.Log("info", "a line")
	must(t, w.Sample(t.Context(), store.SampleRecord{Drawing: record.Drawing{Sampler: "euler", SamplerJSON: "{}"},
		PNG: []byte("picture of " + name)}))
	must(t, s.AddEvaluation(t.Context(), run.ID, store.EvaluationRecord{Drawing: record.Drawing{Sampler: "euler", SamplerJSON: "{}"},
		Dataset: "mnist", Classifier: "c", Metrics: []store.Metric{{Name: "fd", Value: 1, StdErr: math.NaN()}}}))
	must(t, w.Finish(t.Context(), record.StatusFinished, ""))
	dir := checkpoint.RunDir(s.Path(), run.ID)
	must(t, os.MkdirAll(dir, 0o755))
	for file, text := range map[string]string{"step-00000040.safetensors": "forty of " + name,
		"step-00000050.safetensors": strings.Repeat("fifty of "+name, 1000), ".step.tmp": "half"} {
		must(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644))
	}
	return get(s.Run(t.Context(), run.ID))(t).RunInfo
}

func export1(t testing.TB, s *store.Store, run store.RunInfo, o ExportOptions) (path string, m Manifest) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "run.tar.zst")
	return path, get(Export(t.Context(), s, run, path, o))(t)
}

func TestAnExportedRunComesBackWhole(t *testing.T) {
	s := openStore(t)
	recordRun(t, s, "other")
	run := recordRun(t, s, "x")
	path, m := export1(t, s, run, ExportOptions{Checkpoints: true})
	if len(m.Files) != 3 || m.Run != (Run{run.ID, run.Slug, "c0ffee"}) {
		t.Errorf("the manifest is %+v", m)
	}
	to := filepath.Join(t.TempDir(), "new", "folder", "harness.db")
	for _, want := range []store.MergeResult{{Added: 1}, {Same: 1}} {
		imported, result, err := Import(t.Context(), to, path, ImportOptions{})
		if err != nil || result != want || imported.Run != m.Run {
			t.Fatalf("importing gave %+v, %+v and %v", imported.Run, result, err)
		}
	}
	// Exported from there it is the same file.
	there := get(store.Open(t.Context(), to))(t)
	defer there.Close()
	again, _ := export1(t, there, get(there.Run(t.Context(), run.ID))(t).RunInfo, ExportOptions{Checkpoints: true})
	if !bytes.Equal(get(os.ReadFile(path))(t), get(os.ReadFile(again))(t)) {
		t.Error("the run, exported from where it was imported, is another file")
	}
	want := map[string]string{"step-00000040.safetensors": "forty of x", "step-00000050.safetensors": strings.Repeat("fifty of x", 1000)}
	if diff := cmp.Diff(want, entries(t, checkpoint.RunDir(to, run.ID))); diff != "" {
		t.Errorf("wanted and imported checkpoints differ:\n%s", diff)
	}
	if left := entries(t, filepath.Dir(to)); len(left) != 5 { // harness.db, its log and index, two checkpoints
		t.Errorf("beside the store lie %d files", len(left))
	}
}

func TestAnExportWithoutCheckpointsHoldsTheStoreAlone(t *testing.T) {
	s := openStore(t)
	run := recordRun(t, s, "x")
	path, m := export1(t, s, run, ExportOptions{})
	if len(m.Files) != 1 || m.Files[0].Name != storeName {
		t.Errorf("the manifest has %+v", m.Files)
	}
	to := filepath.Join(t.TempDir(), "harness.db")
	if _, result, err := Import(t.Context(), to, path, ImportOptions{}); err != nil || result.Added != 1 {
		t.Errorf("importing gave %+v and %v", result, err)
	}
}

func TestAnExportThatFailsLeavesNothingBehind(t *testing.T) {
	s := openStore(t)
	live := get(s.CreateRun(t.Context(), store.NewRun{Name: "live", ResolvedYAML: "{}"}))(t)
	run := recordRun(t, s, "x")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		run  store.RunInfo
		says error
	}{
		{"of a live run", t.Context(), live.RunInfo, store.ErrRunning},
		{"that is cancelled", cancelled, run, context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if _, err := Export(c.ctx, s, c.run, filepath.Join(dir, "run.tar.zst"), ExportOptions{Checkpoints: true}); !errors.Is(err, c.says) {
				t.Errorf("the error is %v", err)
			}
			if left := entries(t, dir); len(left) > 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}

// entry is a file of an archive made for a test.
type entry struct {
	header tar.Header
	data   []byte
}

// read takes an archive apart.
func read(t testing.TB, path string) []entry {
	t.Helper()
	z := get(zstd.NewReader(bytes.NewReader(get(os.ReadFile(path))(t))))(t)
	defer z.Close()
	var list []entry
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return list
		}
		must(t, err)
		list = append(list, entry{*h, get(io.ReadAll(r))(t)})
	}
}

// pack puts an archive together.
func pack(t testing.TB, entries []entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		must(t, w.WriteHeader(&e.header))
		get(w.Write(e.data))(t)
	}
	must(t, w.Close())
	return compress(t, b.Bytes())
}

func compress(t testing.TB, data []byte) []byte {
	t.Helper()
	z := get(zstd.NewWriter(nil))(t)
	defer z.Close()
	return z.EncodeAll(data, nil)
}

// withManifest changes the manifest of an archive.
func withManifest(t testing.TB, list []entry, change func(*Manifest)) []entry {
	t.Helper()
	var m Manifest
	must(t, json.Unmarshal(list[0].data, &m))
	change(&m)
	data := get(json.Marshal(m))(t)
	changed := append([]entry{}, list...)
	changed[0].data, changed[0].header.Size = data, int64(len(data))
	return changed
}

// withFile replaces the contents of a file, and what the manifest says of it.
func withFile(t testing.TB, list []entry, i int, data []byte) []entry {
	t.Helper()
	sum := sha256.Sum256(data)
	changed := withManifest(t, list, func(m *Manifest) {
		m.Files[i-1].Size, m.Files[i-1].SHA256 = int64(len(data)), hex.EncodeToString(sum[:])
	})
	changed[i].data, changed[i].header.Size = data, int64(len(data))
	return changed
}

// file is an entry of a name, and with is an archive with one more.
func file(name string, data string) entry {
	return entry{tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data)), Mode: 0o644}, []byte(data)}
}

func with(list []entry, more ...entry) []entry { return append(append([]entry{}, list...), more...) }

// renamed is an archive whose manifest and entry call a file otherwise.
func renamed(t testing.TB, list []entry, i int, name string) []entry {
	changed := withManifest(t, list, func(m *Manifest) { m.Files[i-1].Name = name })
	changed[i].header.Name = name
	return changed
}

// editStore changes the store within an archive.
func editStore(t testing.TB, list []entry, change func(path string)) []entry {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	must(t, os.WriteFile(path, list[1].data, 0o644))
	change(path)
	return withFile(t, list, 1, get(os.ReadFile(path))(t))
}

func TestABadArchiveIsRefusedBeforeTheStoreIsTouched(t *testing.T) {
	s := openStore(t)
	other := recordRun(t, s, "other")
	path, _ := export1(t, s, recordRun(t, s, "x"), ExportOptions{Checkpoints: true})
	otherPath, _ := export1(t, s, other, ExportOptions{})
	whole := get(os.ReadFile(path))(t)
	good := read(t, path)
	typed := func(i int, kind byte, link string) []entry {
		changed := with(good)
		changed[i].header.Typeflag, changed[i].header.Linkname, changed[i].header.Size, changed[i].data = kind, link, 0, nil
		return changed
	}
	emptyStore := func() []byte {
		dir := t.TempDir()
		empty := get(store.Open(t.Context(), filepath.Join(dir, "s.db")))(t)
		must(t, empty.Close())
		return get(os.ReadFile(filepath.Join(dir, "s.db")))(t)
	}()
	bomb := compress(t, bytes.Join([][]byte{
		func() []byte {
			var b bytes.Buffer
			w := tar.NewWriter(&b)
			must(t, w.WriteHeader(&good[0].header))
			get(w.Write(good[0].data))(t)
			must(t, w.WriteHeader(&good[1].header))
			get(w.Write(good[1].data))(t)
			return b.Bytes()
		}(), make([]byte, 8<<20)}, nil))
	both := editStore(t, good, func(path string) {
		st := get(store.Open(t.Context(), path))(t)
		get(st.Merge(t.Context(), s.Path(), store.MergeOptions{}))(t)
		must(t, st.Close())
	})
	trashed := editStore(t, good, func(path string) {
		st := get(store.Open(t.Context(), path))(t)
		must(t, st.Trash(t.Context(), get(st.Resolve(t.Context(), "@1"))(t).ID))
		must(t, st.Close())
	})
	for _, c := range []struct {
		name string
		data []byte
		says string
	}{
		{"of a run in the trash", pack(t, trashed), "a run is in the trash"},
		{"an empty file", nil, "it is empty"},
		{"a text", []byte("name: tiny\nseed: 0\n"), "it is not compressed with zstd"},
		{"zeros", make([]byte, 1000), "it is not compressed with zstd"},
		{"compressed text", compress(t, []byte(strings.Repeat("name: tiny\n", 100))), "it is damaged"},
		{"cut off in the middle", whole[:len(whole)/2], "it is cut off"},
		{"cut off by a byte", whole[:len(whole)-1], "it is cut off"},
		{"with a changed byte", flip(whole), ""},
		{"with something after its end", append(append([]byte{}, whole...), "more"...), "something follows its end"},
		{"with another archive after its end", append(append([]byte{}, whole...), whole...), "something follows its last file"},
		{"without files", compress(t, make([]byte, 1024)), "it is empty"},
		{"without a manifest", pack(t, good[1:]), "it begins with \"store.db\", not with manifest.json"},
		{"of another manifest", pack(t, with([]entry{file(manifestName, `{"format":"x"}`)}, good[1:]...)), "its manifest is not that of a run"},
		{"of a manifest that is no JSON", pack(t, with([]entry{file(manifestName, `{`)}, good[1:]...)), "its manifest is not that of a run"},
		{"of a manifest without end", pack(t, []entry{file(manifestName, strings.Repeat(" ", maxManifest+1))}), "it is not an archive of a run"},
		{"of a newer version", pack(t, withManifest(t, good, func(m *Manifest) { m.Version = 2 })),
			"version 2 of the format, this one reads up to 1): update harness"},
		{"of version 0", pack(t, withManifest(t, good, func(m *Manifest) { m.Version = 0 })), "has version 0"},
		{"of an id that leads elsewhere", pack(t, withManifest(t, good,
			func(m *Manifest) { m.Run.ID = "../../../../../../../../xx" })), "is no run's id"},
		{"of another id", pack(t, withManifest(t, good, func(m *Manifest) { m.Run.ID = other.ID })), "holds run"},
		{"of another slug", pack(t, withManifest(t, good, func(m *Manifest) { m.Run.Slug = "brave-otter-1" })),
			"its manifest names brave-otter-1"},
		{"of another config hash", pack(t, withManifest(t, good, func(m *Manifest) { m.Run.ConfigHash = "decaf" })), "config hash decaf"},
		{"that misses a file", pack(t, good[:3]), "it ends before the file checkpoints/step-00000050.safetensors"},
		{"that misses its store", pack(t, withManifest(t, with(good[:1], good[2:]...),
			func(m *Manifest) { m.Files = m.Files[1:] })), "has no store.db"},
		{"of files in another order", pack(t, []entry{good[0], good[2], good[1], good[3]}), "where its manifest has store.db"},
		{"with a file that the manifest does not name", pack(t, with(good, file("more", "x"))),
			"it holds \"more\", which is not in its manifest"},
		{"with a file twice", pack(t, with(good, good[3])), "which is not in its manifest"},
		{"with a name twice", pack(t, withManifest(t, with(good, good[3]), func(m *Manifest) {
			m.Files = append(m.Files,
				m.Files[2])
		})), "twice"},
		{"that leads out by ..", pack(t, renamed(t, good, 2, "checkpoints/../../x")), "its manifest names the file \"checkpoints/../../x\""},
		{"that leads to the root", pack(t, renamed(t, good, 2, "/tmp/x")), "its manifest names the file \"/tmp/x\""},
		{"of a hidden file", pack(t, renamed(t, good, 2, "checkpoints/.x")), "its manifest names the file"},
		{"of a file in a folder", pack(t, renamed(t, good, 2, "checkpoints/x/y")), "its manifest names the file"},
		{"that leads out by .. against its manifest", pack(t, with(good[:2], file("../x", "x"))), "\"../x\", which leads out of the folder"},
		{"that leads to the root against its manifest", pack(t, with(good[:2], file("/tmp/x", "x"))), "leads out of the folder"},
		{"with a symbolic link", pack(t, typed(2, tar.TypeSymlink, "/etc/passwd")), "which is not a file"},
		{"with a hard link", pack(t, typed(2, tar.TypeLink, "store.db")), "which is not a file"},
		{"with a device", pack(t, typed(2, tar.TypeChar, "")), "which is not a file"},
		{"with a pipe", pack(t, typed(2, tar.TypeFifo, "")), "which is not a file"},
		{"with a folder", pack(t, typed(2, tar.TypeDir, "")), "which is not a file"},
		{"with a size that the manifest does not tell", pack(t, withManifest(t, good, func(m *Manifest) { m.Files[1].Size++ })),
			"bytes, its manifest says"},
		{"with a negative size", pack(t, withManifest(t, good, func(m *Manifest) { m.Files[1].Size = -1 })), "has no size and SHA-256"},
		{"larger than allowed", pack(t, withManifest(t, good, func(m *Manifest) { m.Files[1].Size = math.MaxInt64 })),
			"it would unpack to more than"},
		{"larger than allowed in sum", pack(t, withManifest(t, good, func(m *Manifest) {
			m.Files[1].Size,
				m.Files[2].Size = DefaultLimit/2, DefaultLimit/2
		})), "it would unpack to more than"},
		{"with zeros without end", bomb, "it ends before the file"},
		{"with another hash", pack(t, withManifest(t, good, func(m *Manifest) { m.Files[1].SHA256 = strings.Repeat("0", 64) })),
			"its SHA-256 is"},
		{"with no hash", pack(t, withManifest(t, good, func(m *Manifest) { m.Files[1].SHA256 = "" })), "has no size and SHA-256"},
		{"with a changed checkpoint", pack(t, func() []entry { c := with(good); c[2].data = bytes.ToUpper(c[2].data); return c }()),
			"the archive is damaged or was changed"},
		{"whose store is a text", pack(t, withFile(t, good, 1, []byte("no store at all"))),
			"its store.db: not a harness store: it is not a SQLite database"},
		{"whose store is cut off", pack(t, withFile(t, good, 1, good[1].data[:5*4096])), "its store.db: the store is damaged"},
		{"whose store is empty", pack(t, withFile(t, good, 1, emptyStore)), "holds 0 runs"},
		{"whose store holds another run", pack(t, withFile(t, good, 1, read(t, otherPath)[1].data)), "holds run " + other.Slug},
		{"whose store holds more runs", pack(t, both), "holds 2 runs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			path, to := filepath.Join(root, "bad.tar.zst"), filepath.Join(root, "runs", "harness.db")
			must(t, os.WriteFile(path, c.data, 0o644))
			_, _, err := Import(t.Context(), to, path, ImportOptions{})
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(),
				path) || strings.Contains(err.Error(), "harness-import") {
				t.Errorf("the error does not say %q: %v", c.says, err)
			}
			if left := entries(t, root); len(left) != 1 {
				t.Errorf("it left %d files", len(left))
			}
			if list := get(os.ReadDir(root))(t); len(list) != 1 {
				t.Errorf("it left %v", list)
			}
		})
	}
}

// flip changes a byte in the middle.
func flip(data []byte) []byte {
	changed := bytes.Clone(data)
	changed[len(changed)/2] ^= 0x10
	return changed
}

func TestTheLimitOfAnImportCanBeRaisedAndLowered(t *testing.T) {
	s := openStore(t)
	path, m := export1(t, s, recordRun(t, s, "x"), ExportOptions{Checkpoints: true})
	to := filepath.Join(t.TempDir(), "harness.db")
	if _, _, err := Import(t.Context(), to, path,
		ImportOptions{Limit: m.Size() - 1}); err == nil || !strings.Contains(err.Error(), "allow it with a higher limit") {
		t.Errorf("the error is %v", err)
	}
	if _, result, err := Import(t.Context(), to, path, ImportOptions{Limit: m.Size()}); err != nil || result.Added != 1 {
		t.Errorf("importing gave %+v and %v", result, err)
	}
}

func TestAnImportThatIsCancelledLeavesNothingBehind(t *testing.T) {
	s := openStore(t)
	path, _ := export1(t, s, recordRun(t, s, "x"), ExportOptions{Checkpoints: true})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if _, _, err := Import(ctx, filepath.Join(dir, "harness.db"), path, ImportOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if left := entries(t, dir); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}

// FuzzImport imports anything: it is refused and nothing is left, or there is one
// run. Half of the inputs are compressed first, so that what changes is the tar
// archive within.
func FuzzImport(f *testing.F) {
	s := openStore(f)
	path, _ := export1(f, s, recordRun(f, s, "x"), ExportOptions{Checkpoints: true})
	whole := get(os.ReadFile(path))(f)
	z := get(zstd.NewReader(nil))(f)
	unpacked := get(z.DecodeAll(whole, nil))(f)
	z.Close()
	f.Add(whole, false)
	f.Add(whole[:len(whole)/2], false)
	f.Add(unpacked, true)
	f.Add(unpacked[:len(unpacked)/2], true)
	f.Add(unpacked[:512], true)
	f.Fuzz(func(t *testing.T, data []byte, raw bool) {
		if raw {
			data = compress(t, data)
		}
		dir := t.TempDir()
		file, to := filepath.Join(dir, "x.tar.zst"), filepath.Join(dir, "runs", "harness.db")
		must(t, os.WriteFile(file, data, 0o644))
		_, result, err := Import(t.Context(), to, file, ImportOptions{Limit: 16 << 20})
		if err != nil {
			if left := entries(t, dir); len(left) != 1 {
				t.Errorf("after %v it left %d files", err, len(left))
			}
			return
		}
		if result.Added != 1 {
			t.Errorf("importing gave %+v", result)
		}
	})
}

// entries reads all files below a folder.
func entries(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	must(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		found[path] = string(data)
		return err
	}))
	return found
}
