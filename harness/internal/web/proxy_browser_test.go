package web_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web"
)

// nginx runs a real nginx with these lines in its server block until the test
// ends, and returns its address. The test is skipped where none is installed;
// where CI is set that is a failure.
func nginx(t *testing.T, locations string) string {
	t.Helper()
	program := ""
	for _, name := range []string{"nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("no nginx is installed: apt-get install nginx-light")
		}
		t.Skip("no nginx is installed: apt-get install nginx-light")
	}
	user := ""
	if os.Getuid() == 0 {
		user = "user root;" // as which the folder can be written
	}
	dir := t.TempDir()
	for range 5 { // another may take the port before nginx does
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		l.Close()
		conf := filepath.Join(dir, "nginx.conf")
		text := fmt.Sprintf("daemon off; %s worker_processes 1; pid nginx.pid; error_log stderr;\nevents {}\nhttp {\naccess_log off;\n%s"+
			"server {\nlisten %s;\n%s\nlocation / { return 418; }\n}\n}\n", user, temporaryPaths, address, locations)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		cmd := exec.Command(program, "-p", dir, "-c", conf, "-e", "stderr")
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		if listens(address, ended) {
			t.Cleanup(func() {
				_ = cmd.Process.Signal(syscall.SIGTERM)
				<-ended
			})
			return "http://" + address
		}
		if !strings.Contains(said.String(), "Address already in use") {
			t.Fatalf("nginx does not start: %s", said.String())
		}
	}
	t.Fatal("nginx found no free port")
	return ""
}

const temporaryPaths = "client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; " +
	"scgi_temp_path scgi;\n"

// listens waits until an address is listened on; false if the program ended.
func listens(address string, ended chan error) bool {
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return true
		}
		select {
		case <-ended:
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// everyAddress lists where all that is on a page leads, as the browser reads it.
const everyAddress = `[...document.querySelectorAll("[href], [src], [action], [formaction]")].flatMap((e) =>
	["href", "src", "action", "formaction"].filter((name) => e.hasAttribute(name))
		.map((name) => new URL(e.getAttribute(name), document.baseURI).href))`

// TestPagesWorkBehindAProxy drives the pages in a browser, behind an nginx that
// takes the base path off, as JupyterHub's proxy does, that leaves it, and that
// names it in a header.
func TestPagesWorkBehindAProxy(t *testing.T) {
	for _, c := range []struct {
		name, base string
		options    web.Options
		location   string
	}{
		{"stripped", "/user/x%40y/proxy/8900", web.Options{BasePath: "/user/x%40y/proxy/8900"},
			"location /user/x@y/proxy/8900/ { proxy_pass %s/; }"},
		{"kept", "/user/x%40y/proxy/absolute/8900", web.Options{BasePath: "/user/x%40y/proxy/absolute/8900"},
			"location /user/x@y/proxy/absolute/8900/ { proxy_pass %s; proxy_set_header Host $http_host; }"},
		{"in a header", "/tools/harness", web.Options{ProxyHeaders: true},
			"location /tools/harness/ { proxy_pass %s/; proxy_set_header X-Forwarded-Prefix /tools/harness; " +
				"proxy_set_header X-Forwarded-Host $http_host; }"},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := newStore(t)
			addSweep(t, st, "rates")
			run := richRun(t, st, "rich", 0)
			c.options.Store, c.options.Token = st, "secret"
			root := nginx(t, fmt.Sprintf(c.location, serve(t, c.options))) + c.base
			throughAProxy(t, st, run, root)
		})
	}
}

// throughAProxy walks through the pages at root, and watches what the browser asks
// for, gets and says.
func throughAProxy(t *testing.T, st *store.Store, run *store.Run, root string) {
	tab := browser(t, 1280, 900)
	ctx, stop := context.WithCancel(tab)
	defer stop()
	requests, answers := gather(chromedp.Events(ctx, network.RequestWillBeSent)), gather(chromedp.Events(ctx, network.ResponseReceived))
	complaints := gather(chromedp.Console(ctx))
	do(t, tab, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, network.Enable, network.EnableParams{})
		return err
	}))
	at := func(path string) {
		t.Helper()
		eventually(t, tab, fmt.Sprintf(`location.href === %q && document.readyState === "complete" && `+
			`document.getElementById("link").dataset.state === "live"`, root+path), soon)
		for _, address := range value[[]string](t, tab, everyAddress) {
			if !strings.HasPrefix(address, root+"/") {
				t.Errorf("%s leads to %s", path, address)
			}
		}
	}

	do(t, tab, chromedp.Navigate(root+"/?token=secret"))
	at("/")
	rows := value[int](t, tab, rowCount)
	later := addRun(t, st, "later", 0, 3) // is streamed
	eventually(t, tab, rowCount+fmt.Sprintf(" === %d", rows+1), soon)

	// Forms and links that change the page, and its address.
	press(t, tab, "/")
	value[any](t, tab, `document.activeElement.value = ""`)
	press(t, tab, "later")
	eventually(t, tab, rowCount+" === 1", soon)
	at("/?q=later")
	do(t, tab, chromedp.Click("#sort-loss"))
	eventually(t, tab, `location.search.includes("sort=loss")`, soon)

	// A selection: its links, what is done to it and undone, and where it leads.
	do(t, tab, chromedp.Navigate(root+"/?sel="+run.Slug+","+later.Slug))
	at("/?sel=" + run.Slug + "," + later.Slug)
	if to := value[string](t, tab, `document.getElementById("sort-loss").getAttribute("href")`); !strings.HasPrefix(to,
		root[len("http://"):][strings.Index(root[len("http://"):], "/"):]+"/?") || !strings.Contains(to, "sel="+run.Slug) {
		t.Errorf("a link forgets the selection: %s", to)
	}
	do(t, tab, chromedp.Click(`[data-shelve="archived"]`))
	eventually(t, tab, fmt.Sprintf(`location.href === %q && %s === %d`, root+"/", rowCount, rows-1), soon)
	do(t, tab, chromedp.Click("#toast button"))
	eventually(t, tab, fmt.Sprintf(`%s === %d`, rowCount, rows+1), soon)
	do(t, tab, chromedp.Navigate(root+"/?sel="+run.Slug+","+later.Slug))
	at("/?sel=" + run.Slug + "," + later.Slug)
	press(t, tab, "c")
	at("/compare?run=" + run.Slug + "&run=" + later.Slug)

	// A run: its pictures, its notes, what is loaded late.
	do(t, tab, chromedp.Navigate(root+"/runs/"+run.Slug), chromedp.WaitVisible("#plot-loss svg"))
	at("/runs/" + run.Slug)
	eventually(t, tab, `[...document.images].filter((i) => i.hasAttribute("src") && i.loading !== "lazy").every((i) => `+
		`i.complete && i.naturalWidth > 0)`, soon)
	value[any](t, tab, `(() => { const f = document.querySelector('form[action$="/runs/notes"]'); `+
		`f.closest("details")?.setAttribute("open", ""); f.elements.notes.value = "through a proxy"; f.requestSubmit(); })()`)
	eventually(t, tab, `document.querySelector(".run-notes")?.textContent === "through a proxy"`, soon)
	// As without a script.
	value[any](t, tab, `window.left = false, HTMLFormElement.prototype.submit.call(document.querySelector('form[action$="/runs/notes"]'))`)
	eventually(t, tab, `!("left" in window)`, soon)
	at("/runs/" + run.Slug)

	// Sweeps, by the keyboard, and a cell of a map.
	press(t, tab, "gs")
	at("/sweeps")
	do(t, tab, chromedp.Click(`a[href$="/sweeps/rates"]`))
	at("/sweeps/rates")
	if n := value[int](t, tab, `document.querySelectorAll("svg a[href]").length`); n < 5 {
		t.Errorf("the maps have %d links", n)
	}
	value[any](t, tab, `location.href = document.querySelector("svg a[href]").getAttribute("href")`)
	eventually(t, tab, `location.pathname.endsWith("/compare") && document.readyState === "complete" && `+
		`document.getElementById("link").dataset.state === "live"`, soon)
	press(t, tab, "gr")
	at("/")
	stop()

	if asked := requests(); len(asked) < 20 {
		t.Errorf("only %d requests were seen", len(asked))
	} else {
		for _, event := range asked {
			if r := event.Request.URL; !strings.HasPrefix(r, root+"/") && !strings.HasPrefix(r, "data:") {
				t.Errorf("the browser asked for %s", r)
			}
		}
	}
	for _, event := range answers() {
		if event.Response.Status >= http.StatusBadRequest {
			t.Errorf("%s answers %d", event.Response.URL, event.Response.Status)
		}
	}
	for _, m := range complaints() {
		t.Errorf("the browser says: %s", m)
	}
}
