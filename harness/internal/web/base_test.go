package web_test

import (
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"flowharness/harness/internal/web"
)

func TestBasePaths(t *testing.T) {
	for given, want := range map[string]string{
		"/": "", "/x": "/x", "/x/": "/x", "/user/x/proxy/8900": "/user/x/proxy/8900", "/user/x/proxy/8900//": "/user/x/proxy/8900",
		"/user/x%40y/": "/user/x%40y", "/user/~x@y": "/user/~x@y", "/user/é": "/user/%C3%A9", "/run": "/run", "/x/runs": "/x/runs",
	} {
		if got, err := web.ParseBasePath(given); got != want || err != nil {
			t.Errorf("%q is %q, %v, want %q", given, got, err, want)
		}
	}
	for _, given := range []string{"", "x", "//evil.example", "http://evil.example/x", `/\evil.example`, "/x?y", "/x#y", "/x?", "/x//y",
		"/x/../y", "/.", "/%2e%2e",
		"/x%2Fy", "/x%zz", "/x\ny", "/x%0ay", "/runs", "/runs/x", "/assets", "/%72uns", "/live", "/compare", "/sweeps", "/pictures/x"} {
		if got, err := web.ParseBasePath(given); err == nil {
			t.Errorf("%q is %q, and should be refused", given, got)
		}
	}
}

// A base path that the parser takes can stand in an address and in a header, and
// leads to this server.
func FuzzParseBasePath(f *testing.F) {
	for _, s := range []string{"/user/x/proxy/8900/", "//x", "/x%2fy", "/é", "/x?y", "/x/../y", "/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, given string) {
		base, err := web.ParseBasePath(given)
		if err != nil || base == "" {
			return
		}
		u, err := url.Parse(base + "/")
		if err != nil || u.Host != "" || u.RawQuery != "" || u.Fragment != "" || u.EscapedPath() != base+"/" || strings.HasPrefix(base, "//") {
			t.Errorf("%q became %q: %v", given, base, err)
		}
		if again, err := web.ParseBasePath(base); again != base || err != nil {
			t.Errorf("%q became %q, and that %q, %v", given, base, again, err)
		}
	})
}

var templateAddress = regexp.MustCompile(`\b(?:href|src|srcset|action|formaction|poster|data-load|data-undo)="([^"]*)"`)

// TestEveryAddressInATemplateHasTheBasePath looks at the files: an address that a
// page shows only at times has it, too.
func TestEveryAddressInATemplateHasTheBasePath(t *testing.T) {
	found := 0
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".html" {
			return err
		}
		text, err := os.ReadFile(name)
		for _, m := range templateAddress.FindAllStringSubmatch(string(text), -1) {
			found++
			beginning := func(prefix string) bool { return strings.HasPrefix(m[1], prefix) }
			if !slices.ContainsFunc([]string{"{{base}}", "{{.Assets}}", "{{$.Assets}}", "#"}, beginning) {
				t.Errorf("%s: %s", name, m[0])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 80 {
		t.Errorf("only %d addresses were found", found)
	}
}

// TestEveryAddressOfAPageHasTheBasePath looks at pages, and where their addresses
// lead.
func TestEveryAddressOfAPageHasTheBasePath(t *testing.T) {
	st := newStore(t)
	a, b := richRun(t, st, "rich", 0), richRun(t, st, "rich", 1)
	addSweep(t, st, "rates")
	archived := addRun(t, st, "archived", 0, 3)
	if err := st.Archive(t.Context(), archived.ID); err != nil {
		t.Fatal(err)
	}
	const base = "/user/x%40y/proxy/8900"
	for _, c := range []struct {
		name    string
		options web.Options
		header  http.Header
	}{
		{"of an option", web.Options{Store: st, BasePath: base}, nil},
		{"of a header", web.Options{Store: st, BasePath: "/other", ProxyHeaders: true}, http.Header{"X-Forwarded-Prefix": {base + "/"}}},
		{"of two headers", web.Options{Store: st, ProxyHeaders: true}, http.Header{"X-Forwarded-Prefix": {"/user, /x%40y/", "/proxy/8900"}}},
	} {
		address := serve(t, c.options)
		seen := map[string]bool{}
		for _, path := range []string{"/", "/?sel=" + a.Slug + "," + b.Slug + "&group=seed&q=rich", "/?shelf=archived",
			"/?where=loss<5&where=step>1", "/?q=nothing",
			"/runs/" + a.Slug, "/runs/" + a.Slug + "?zoom=2-30", "/runs/" + a.Slug + "/diff", "/compare?run=" + a.Slug + "&run=" + b.Slug +
				"&lines=1", "/compare",
			"/sweeps", "/sweeps/rates", "/sweeps/rates?metric=accuracy", "/no/such/page"} {
			_, page := request(t, "GET", address+path, "", "", c.header)
			matches := templateAddress.FindAllStringSubmatch(page, -1)
			if len(matches) < 10 {
				t.Errorf("%s: %s has %d addresses", c.name, path, len(matches))
			}
			for _, m := range matches {
				to := html.UnescapeString(m[1])
				if strings.HasPrefix(to, "#") {
					continue
				}
				if !strings.HasPrefix(to, base+"/") || strings.Contains(to, base+base) {
					t.Errorf("%s: %s leads to %s", c.name, path, m[0])
				}
				if strings.Contains(m[0], "action=") || strings.HasPrefix(m[0], "data-undo") {
					continue
				}
				seen[to] = true
			}
		}
		for to := range seen {
			if answer, text := request(t, "GET", address+to, "", "", c.header); answer.StatusCode != http.StatusOK {
				t.Errorf("%s: %s answers %d: %.200s", c.name, to, answer.StatusCode, text)
			}
		}
		if len(seen) < 60 {
			t.Errorf("%s: only %d addresses were seen", c.name, len(seen))
		}
	}
}

// TestNothingLeadsOutOfTheBasePath is about what a server answers besides pages.
func TestNothingLeadsOutOfTheBasePath(t *testing.T) {
	st := newStore(t)
	run := addRun(t, st, "mine", 0, 3)
	const base = "/hub/me"
	address := serve(t, web.Options{Store: st, BasePath: base})
	for _, prefix := range []string{"", base} { // a proxy takes it off, or not
		for _, c := range []struct {
			method, path, body string
			status             int
			to                 string // "": it does not lead on
		}{
			{"GET", "/", "", 200, ""},
			{"GET", "/runs/" + run.Slug + "/series/train/loss.csv", "", 200, ""},
			{"GET", "//runs/" + run.Slug + "?x=1", "", 307, base + "/runs/" + run.Slug + "?x=1"},
			{"GET", "/runs/../sweeps", "", 307, base + "/sweeps"},
			{"GET", "//evil.example/", "", 307, base + "/evil.example/"},
			{"GET", "/assets", "", 404, ""},
			{"GET", "/runs", "", 404, ""},
			{"POST", "/runs/notes", "run=" + run.Slug + "&notes=x&back=/runs/" + run.Slug, 303, base + "/runs/" + run.Slug},
			{"POST", "/runs/notes", "run=" + run.Slug + "&notes=x&back=//evil.example/", 303, base + "/"},
			{"POST", "/runs/archive?back=/%3Fq%3Dx", "run=" + run.Slug, 303, base + "/?q=x"},
		} {
			answer, text := request(t, c.method, address+prefix+c.path, "", c.body, nil)
			if to := answer.Header.Get("Location"); answer.StatusCode != c.status || to != c.to {
				t.Errorf("%s %s%s: %d to %q, want %d to %q: %.80s", c.method, prefix, c.path, answer.StatusCode, to, c.status, c.to, text)
			}
		}
	}
	if answer, _ := request(t, "GET", address+base+"?q=x", "", "", nil); answer.Header.Get("Location") != base+"/?q=x" {
		t.Errorf("without the slash it leads to %q", answer.Header.Get("Location"))
	}
	if answer, _ := request(t, "GET", address+base+"y/", "", "", nil); answer.StatusCode != http.StatusNotFound {
		t.Errorf("a path that only begins so answers %d", answer.StatusCode)
	}
}

func TestHeadersOfProxiesAreBelievedOnRequestAlone(t *testing.T) {
	st := newStore(t)
	run := addRun(t, st, "mine", 0, 3)
	plain, believing := serve(t, web.Options{Store: st, Hosts: []string{"hub.example"}}), serve(t,
		web.Options{Store: st, Hosts: []string{"hub.example"}, ProxyHeaders: true, Token: "secret"})
	if _, page := request(t, "GET", plain+"/", "", "", http.Header{"X-Forwarded-Prefix": {"/elsewhere"}}); strings.Contains(page,
		"elsewhere") {
		t.Error("a header is believed without being asked to")
	}
	for _, prefix := range []string{"//evil.example", "http://evil.example", "/x, //y", "/a/../b", "/x?y", "x", "/runs"} {
		answer, text := request(t, "GET", believing+"/", "", "", http.Header{"X-Forwarded-Prefix": {prefix}})
		if answer.StatusCode != http.StatusBadRequest || !strings.Contains(text, "X-Forwarded-Prefix") {
			t.Errorf("the prefix %q: %d %.100s", prefix, answer.StatusCode, text)
		}
	}
	// The name is checked all the same: a page of another site can send headers to
	// what it takes for its own.
	for _, c := range []struct {
		host, forwarded, origin string
		want                    int
	}{
		{"", "hub.example:8000", "http://hub.example:8000", 303},
		{"", "hub.example, inner", "https://hub.example", 303},
		{"", "hub.example:8000", "http://hub.example:9", 403},
		{"", "evil.example", "http://evil.example", 421},
		{"evil.example", "hub.example", "http://hub.example", 421},
	} {
		answer, text := request(t, "POST", believing+"/runs/notes", c.host, "run="+run.Slug+"&notes=x",
			http.Header{"X-Forwarded-Host": {c.forwarded}, "Origin": {c.origin}, "Authorization": {"Bearer secret"}})
		if answer.StatusCode != c.want {
			t.Errorf("%+v: %d %.100s", c, answer.StatusCode, text)
		}
	}
	if answer, text := request(t, "POST", plain+"/runs/notes", "", "run="+run.Slug+"&notes=x",
		http.Header{"X-Forwarded-Host": {"hub.example"}, "Origin": {"http://hub.example"}}); answer.StatusCode != 403 ||
		!strings.Contains(text, "--proxy-headers") || !strings.Contains(text, "http://hub.example") {
		t.Errorf("a proxy that keeps the name to itself: %d %s", answer.StatusCode, text)
	}
	// The cookie is for the base path, and over TLS for that alone.
	answer, _ := request(t, "GET", believing+"/?token=secret", "", "",
		http.Header{"X-Forwarded-Prefix": {"/hub"}, "X-Forwarded-Proto": {"https"}})
	if c := answer.Cookies(); len(c) != 1 || c[0].Path != "/hub/" || !c[0].Secure || !c[0].HttpOnly ||
		answer.Header.Get("Location") != "/hub/" {
		t.Errorf("the cookie is %v, and leads to %q", c, answer.Header.Get("Location"))
	}
}

func TestProgramsShowTheTokenInAHeader(t *testing.T) {
	st := newStore(t)
	run := addRun(t, st, "mine", 0, 3)
	address := serve(t, web.Options{Store: st, Token: "secret"})
	for authorization, want := range map[string]int{
		"Bearer secret": 200, "bearer secret": 200, "Bearer  secret": 200, "Bearer wrong": 401, "Bearer": 401, "Bearer " +
			"": 401, "secret": 401, "Basic secret": 401, "": 401,
	} {
		answer, text := request(t, "GET", address+"/runs/"+run.Slug+"/series/train/loss.csv", "", "",
			http.Header{"Authorization": {authorization}})
		if answer.StatusCode != want || want == 200 && !strings.HasPrefix(text, "step,") || want == 401 &&
			answer.Header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%q: %d %v %.100s", authorization, answer.StatusCode, answer.Header, text)
		}
		if len(answer.Cookies()) > 0 {
			t.Errorf("%q sets a cookie", authorization)
		}
	}
	answer, _ := request(t, "POST", address+"/runs/notes", "", "run="+run.Slug+"&notes=by+a+program",
		http.Header{"Authorization": {"Bearer secret"}})
	if now, err := st.Run(t.Context(), run.ID); err != nil || answer.StatusCode != 303 || now.Notes != "by a program" {
		t.Errorf("a write: %d, notes %q, %v", answer.StatusCode, now.Notes, err)
	}
}

// TestServersOfOneHostDoNotLogEachOtherOut uses two at a time with one browser's
// cookies, which know no ports.
func TestServersOfOneHostDoNotLogEachOtherOut(t *testing.T) {
	var addresses []string
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	for i := range 2 {
		token := fmt.Sprint("secret", i)
		addresses = append(addresses, serve(t, web.Options{Store: newStore(t), Token: token}))
		answer, err := client.Get(addresses[i] + "/?token=" + token)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	for _, address := range addresses {
		answer, err := client.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != 200 {
			t.Errorf("%s answers %d", address, answer.StatusCode)
		}
		held := false
		for _, c := range jar.Cookies(u) {
			held = held || strings.HasSuffix(c.Name, "_"+u.Port())
		}
		if !held {
			t.Errorf("no cookie holds the port of %s: %v", address, jar.Cookies(u))
		}
	}
}
