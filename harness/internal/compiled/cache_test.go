package compiled

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestACacheReturnsWhatItWasGiven(t *testing.T) {
	c := cacheOf(t, 1<<20, nil)
	for i := range 3 {
		c.store(fmt.Sprint(i), bytes.Repeat([]byte{byte(i)}, 1000))
	}
	for i := range 3 {
		if got, ok := c.load(fmt.Sprint(i)); !ok || !bytes.Equal(got, bytes.Repeat([]byte{byte(i)}, 1000)) {
			t.Errorf("program %d: found %v, %d bytes", i, ok, len(got))
		}
	}
	if _, ok := c.load("another"); ok {
		t.Error("found what was never stored")
	}
	if n, size, err := c.Usage(); n != 3 || size <= 0 || err != nil {
		t.Errorf("usage: %d programs, %d bytes, %v", n, size, err)
	}
	if n, _, err := c.Clear(); n != 3 || err != nil {
		t.Errorf("cleared %d programs, %v", n, err)
	}
	if n, _, err := c.Usage(); n != 0 || err != nil {
		t.Errorf("after clearing: %d programs, %v", n, err)
	}
}

func TestTheLeastRecentlyUsedGoes(t *testing.T) {
	c := cacheOf(t, 1<<20, nil)
	for i, name := range []string{"first", "second", "third"} {
		c.store(name, random(1000, byte(i)))
		old := time.Now().Add(time.Duration(i-10) * time.Minute)
		if err := os.Chtimes(c.path(name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := c.load("first"); !ok { // which makes it the last used
		t.Fatal("the first program is gone")
	}
	c.limit = 3500
	c.store("fourth", random(1000, 9))
	for name, want := range map[string]bool{"first": true, "second": false, "third": true, "fourth": true} {
		if _, ok := c.load(name); ok != want {
			t.Errorf("%s: found %v, want %v", name, ok, want)
		}
	}
	if c.store("large", random(5000, 1)); fileExists(c.path("large")) {
		t.Error("a program larger than the cache was kept")
	}
}

func TestDamageIsSaidOnce(t *testing.T) {
	damage := map[string]func([]byte) []byte{
		"a flipped bit":   func(b []byte) []byte { b[len(b)-5] ^= 4; return b },
		"cut off":         func(b []byte) []byte { return b[:len(b)/2] },
		"empty":           func([]byte) []byte { return nil },
		"another format":  func(b []byte) []byte { b[0] = 'X'; return b },
		"only the header": func(b []byte) []byte { return b[:len(magic)] },
	}
	for name, change := range damage {
		t.Run(name, func(t *testing.T) {
			var said []string
			c := cacheOf(t, 1<<20, &said)
			c.store("key", random(1000, 3))
			data, err := os.ReadFile(c.path("key"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(c.path("key"), change(data), 0o600); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, ok := c.load("key"); ok {
					t.Fatal("a damaged program was loaded")
				}
			}
			if len(said) != 1 || !strings.Contains(said[0], "compiled anew") {
				t.Errorf("said %q", said)
			}
		})
	}
}

func TestAFolderThatOthersWriteToIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, 1, nil); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("error is %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, 1, nil); err == nil || !strings.Contains(err.Error(), "not a folder") {
		t.Errorf("error is %v", err)
	}
}

func TestManyWritersOfOneCache(t *testing.T) {
	var said []string
	c := cacheOf(t, 20_000, &said)
	var workers sync.WaitGroup
	for w := range 8 {
		workers.Go(func() {
			for i := range 40 {
				key := fmt.Sprint(i % 10)
				c.store(key, random(3000, byte(i%10)))
				if got, ok := c.load(fmt.Sprint((i + w) % 10)); ok && !bytes.Equal(got, random(3000, byte((i+w)%10))) {
					t.Error("a program is that of another key")
				}
			}
		})
	}
	workers.Wait()
	if len(said) > 0 {
		t.Errorf("said %q", said)
	}
	if _, size, err := c.Usage(); size > 20_000 || err != nil {
		t.Errorf("holds %d bytes of 20000, %v", size, err)
	}
}

func TestLimit(t *testing.T) {
	for text, want := range map[string]int64{"": DefaultLimit, "0": 0, "500MB": 500_000_000, "1GiB": 1 << 30, "many": -1, "-3": -1} {
		t.Setenv(LimitEnv, text)
		got, err := Limit()
		if (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
		if err != nil && !strings.Contains(err.Error(), LimitEnv) {
			t.Errorf("%q: the error does not name the variable: %v", text, err)
		}
	}
}

func TestPartsOfAKeyDoNotRunTogether(t *testing.T) {
	if fingerprint("ab", "c") == fingerprint("a", "bc") {
		t.Error("two keys are one")
	}
}

func cacheOf(t *testing.T, limit int64, said *[]string) *Cache {
	t.Helper()
	var lock sync.Mutex
	c, err := Open(filepath.Join(t.TempDir(), "programs"), limit, func(line string) {
		lock.Lock()
		defer lock.Unlock()
		if said == nil {
			t.Errorf("said %q", line)
			return
		}
		*said = append(*said, line)
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// random returns bytes that cannot be compressed, the same for the same seed.
func random(n int, seed byte) []byte {
	data := make([]byte, 0, n)
	for len(data) < n {
		data = append(data, fingerprint(string(seed), fmt.Sprint(len(data)))...)
	}
	return data[:n]
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
