package dataset

import (
	"context"
	"crypto/md5" // as published
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pretend replaces the datasets with two that lie in IDX files of one name each:
// of letters the SHA-256s are known, of clothes only the MD5s. It returns the files.
func pretend(t *testing.T) map[string]map[string][]byte {
	t.Helper()
	files := map[string]map[string][]byte{}
	var sets []Source
	for i, id := range []string{"letters", "clothes"} {
		set := fake(nil)
		set.ID, set.Folders = id, []string{strings.ToUpper(id)}
		files[id] = map[string][]byte{}
		for j, file := range set.Files {
			n := set.Shape.Train
			if j >= 2 {
				n = set.Shape.Test
			}
			data := idx(1, []int{n}, []byte{byte(i), byte(j)}[:n])
			if strings.Contains(file.Name, "images") {
				data = idx(3, []int{n, 28, 28}, make([]byte, n*784))
				data[len(data)-1] = byte(10*i + j)
			}
			files[id][file.Name] = data
			if id == "letters" {
				set.Files[j].SHA256 = hashesOf(data).sha256
			} else {
				sum := md5.Sum(data) // see the import
				set.Files[j].MD5 = hex.EncodeToString(sum[:])
			}
		}
		sets = append(sets, set)
	}
	old := sources
	sources = sets
	t.Cleanup(func() { sources = old })
	t.Setenv(DataDirEnv, "")
	return files
}

// lay writes files below a folder, under the names that rename makes of theirs.
func lay(t *testing.T, dir string, files map[string][]byte, rename func(string) string) {
	t.Helper()
	for name, data := range files {
		if rename != nil {
			name = rename(name)
		}
		path := filepath.Join(dir, name)
		if strings.HasSuffix(path, ".gz") {
			data = zip(data)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, path, data)
	}
}

func openBoth(name, dir string) (train, test *Dataset, err error) {
	if train, err = Open(context.Background(), Options{Name: name, Dir: dir, Split: "train"}); err == nil {
		test, err = Open(context.Background(), Options{Name: name, Dir: dir, Split: "test"})
	}
	return train, test, err
}

func TestFilesAreFoundUnderTheNamesInUse(t *testing.T) {
	dotted := func(name string) string { return strings.Replace(name, "-idx", ".idx", 1) }
	for _, tc := range []struct {
		name   string
		folder string // below the one that is named
		rename func(string) string
	}{
		{"as published", "", func(n string) string { return n + ".gz" }},
		{"decompressed", "", nil},
		{"with a dot before idx", "", dotted},
		{"with a dot before idx, gzipped", "", func(n string) string { return dotted(n) + ".gz" }},
		{"a folder of the dataset's name", "letters", nil},
		{"torchvision's folder", "LETTERS/raw", nil},
		{"within torchvision's folder", "raw", nil},
		{"folders of the files' names", "", func(n string) string { return filepath.Join(n, n) }},
		{"folders of the files' names, with a dot", "", func(n string) string { return filepath.Join(dotted(n), dotted(n)) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := pretend(t)
			dir := t.TempDir()
			lay(t, filepath.Join(dir, tc.folder), files["letters"], tc.rename)
			train, test, err := openBoth("letters", dir)
			if err != nil {
				t.Fatal(err)
			}
			if want := filepath.Join(dir, tc.folder); train.Dir != want || test.Dir != want || len(train.Files) != 2 || !train.Files[0].OK {
				t.Errorf("read from %s and %s, want %s; files %+v", train.Dir, test.Dir, want, train.Files)
			}
			if l, err := Locate("letters", dir); err != nil || !l.Present || len(l.Files) != 4 {
				t.Errorf("located as %+v (%v)", l, err)
			}
		})
	}
}

func TestAnEmptyFileDoesNotHideTheGoodOneBesideIt(t *testing.T) {
	files := pretend(t)
	dir := t.TempDir()
	lay(t, dir, files["letters"], func(n string) string { return n + ".gz" })
	for name := range files["letters"] {
		write(t, filepath.Join(dir, name), nil)
	}
	if _, _, err := openBoth("letters", dir); err != nil {
		t.Error(err)
	}
}

func TestOneDatasetIsNotTakenForAnother(t *testing.T) {
	for _, tc := range []struct{ there, wanted string }{{"letters", "clothes"}, {"clothes", "letters"}} {
		t.Run(tc.wanted+" where "+tc.there+" are", func(t *testing.T) {
			files := pretend(t)
			dir := t.TempDir()
			lay(t, dir, files[tc.there], nil)
			want := fmt.Sprintf("the files in %s are those of %s, not of %s", dir, tc.there, tc.wanted)
			if _, _, err := openBoth(tc.wanted, dir); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error is %v, want %q", err, want)
			}
			if l, err := Locate(tc.wanted, dir); err != nil || l.Present || !strings.Contains(l.Problem, want) {
				t.Errorf("located as %+v (%v)", l, err)
			}
			if l, err := Locate(tc.there, dir); err != nil || !l.Present {
				t.Errorf("%s located as %+v (%v)", tc.there, l, err)
			}
			// Its own folder comes before the one that holds the other's files.
			lay(t, filepath.Join(dir, tc.wanted), files[tc.wanted], nil)
			if train, _, err := openBoth(tc.wanted, dir); err != nil || train.Dir != filepath.Join(dir, tc.wanted) {
				t.Errorf("with both there: %v", err)
			}
		})
	}
}

// A folder that serves one dataset by mistake in part: each file is checked when
// it is read.
func TestASingleFileOfAnotherDatasetIsRefusedByItsName(t *testing.T) {
	for _, name := range []string{"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"} {
		files := pretend(t)
		dir := t.TempDir()
		lay(t, dir, files["clothes"], nil)
		write(t, filepath.Join(dir, name), files["letters"][name])
		want := fmt.Sprintf("%s is %s of dataset letters, not %s of clothes", filepath.Join(dir, name), name, name)
		if _, _, err := openBoth("clothes", dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
	t.Run("one whose hashes are not known", func(t *testing.T) {
		files := pretend(t)
		set := fake(nil)
		sources = append(sources, set)
		dir := t.TempDir()
		lay(t, dir, files["letters"], nil)
		if _, _, err := openBoth("fake", dir); err == nil || !strings.Contains(err.Error(), "those of letters, not of fake") {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("one that was changed", func(t *testing.T) {
		for id, want := range map[string]string{"letters": "the SHA-256 of its decompressed bytes is",
			"clothes": "the MD5 of its decompressed bytes is"} {
			files := pretend(t)
			dir := t.TempDir()
			files[id]["train-images-idx3-ubyte"][100] ^= 1
			lay(t, dir, files[id], nil)
			if _, _, err := openBoth(id, dir); err == nil || !strings.Contains(err.Error(), "is not the published file: "+want) {
				t.Errorf("error is %v, want %q", err, want)
			}
		}
	})
}

func TestAFolderThatWasAskedForIsTheOnlyOne(t *testing.T) {
	files := pretend(t)
	asked, usual := t.TempDir(), t.TempDir()
	lay(t, usual, files["letters"], nil)
	t.Setenv(DataDirEnv, usual)
	if _, _, err := openBoth("letters", ""); err != nil {
		t.Fatal(err)
	}
	if _, _, err := openBoth("letters", asked); err == nil || strings.Contains(err.Error(), usual) {
		t.Errorf("error is %v: it must not look in %s", err, usual)
	}
	// Nor are the splits put together from two folders.
	lay(t, asked, map[string][]byte{"train-images-idx3-ubyte": files["letters"]["train-images-idx3-ubyte"],
		"train-labels-idx1-ubyte": files["letters"]["train-labels-idx1-ubyte"]}, nil)
	if _, _, err := openBoth("letters", asked); err == nil || !strings.Contains(err.Error(),
		"lacks t10k-images-idx3-ubyte; t10k-labels-idx1-ubyte") {
		t.Errorf("error is %v", err)
	}
	t.Setenv(DataDirEnv, asked)
	if _, _, err := openBoth("letters", ""); err == nil {
		t.Error("half of the files are enough")
	}
}

// Of clothes the .gz files are known too: they are taken by their own hash, and only as they were published.
func TestAPublishedArchiveIsTakenByItsOwnHash(t *testing.T) {
	files := pretend(t)
	set := sources[1].(IDX)
	for i, file := range set.Files {
		sum := sha256.Sum256(zip(files["clothes"][file.Name]))
		set.Files[i].PackedSHA256, set.Files[i].MD5 = hex.EncodeToString(sum[:]), strings.Repeat("0", 32)
	}
	sources[1] = set
	packed, plain := t.TempDir(), t.TempDir()
	lay(t, packed, files["clothes"], func(name string) string { return name + ".gz" })
	lay(t, plain, files["clothes"], nil)
	if _, _, err := openBoth("clothes", packed); err != nil {
		t.Error(err)
	}
	if _, _, err := openBoth("clothes", plain); err == nil || !strings.Contains(err.Error(), "is not the published file") {
		t.Errorf("of the files in them nothing is known, and the error is %v", err)
	}
	files["clothes"]["train-images-idx3-ubyte"][100] ^= 1
	lay(t, packed, files["clothes"], func(name string) string { return name + ".gz" })
	if _, _, err := openBoth("clothes", packed); err == nil || !strings.Contains(err.Error(), "is not the published file") {
		t.Errorf("one was changed, and the error is %v", err)
	}
}

// The published hashes are of one length each, and no two files have the same.
func TestPublishedHashesAreSound(t *testing.T) {
	seen := map[string]string{}
	for _, set := range []IDX{mnist, fashionMNIST, kmnist} {
		for _, file := range set.Files {
			if (file.SHA256 == "") == (file.MD5 == "") {
				t.Errorf("%s of %s: want one hash of the decompressed bytes", file.Name, set.ID)
			}
			if file.SHA256 == "" && file.PackedSHA256 == "" {
				t.Errorf("%s of %s is known by MD5 alone", file.Name, set.ID)
			}
			for hash, length := range map[string]int{file.SHA256: 64, file.MD5: 32, file.PackedSHA256: 64} {
				if hash == "" {
					continue
				}
				if b, err := hex.DecodeString(hash); err != nil || len(hash) != length || len(b) != length/2 {
					t.Errorf("%s of %s: %q is no hash of %d digits", file.Name, set.ID, hash, length)
				}
				if other, again := seen[hash]; again {
					t.Errorf("%s of %s has the hash of %s", file.Name, set.ID, other)
				}
				seen[hash] = file.Name + " of " + set.ID
			}
		}
	}
}
