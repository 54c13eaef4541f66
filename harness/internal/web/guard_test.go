package web_test

import (
	"bufio"
	"context"
	"io"
	"iter"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"go.uber.org/goleak"

	"flowharness/harness/internal/web"
)

// request sends one and returns the status and the answer. host, if not empty, is
// what it says it is for.
func request(t *testing.T, method, address, host, body string, header http.Header) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Host = host
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

func TestOnlyItsOwnNamesAreAnswered(t *testing.T) {
	address := serve(t, web.Options{Store: newStore(t), Hosts: []string{"gpu-box"}})
	port := address[strings.LastIndex(address, ":"):]
	for _, c := range []struct {
		host string
		want int
	}{
		{"", http.StatusOK},
		{"localhost" + port, http.StatusOK},
		{"LOCALHOST." + port, http.StatusOK},
		{"gpu-box" + port, http.StatusOK},
		{"[::1]" + port, http.StatusOK},
		{"127.0.0.1", http.StatusOK}, // behind a forwarded port
		{"evil.example" + port, http.StatusMisdirectedRequest},
		{"localhost.evil.example" + port, http.StatusMisdirectedRequest},
		{"127.0.0.1.evil.example" + port, http.StatusMisdirectedRequest},
	} {
		answer, text := request(t, "GET", address+"/", c.host, "", nil)
		if answer.StatusCode != c.want {
			t.Errorf("host %q: %d, want %d: %.80s", c.host, answer.StatusCode, c.want, text)
		}
		if c.want != http.StatusOK && strings.Contains(text, "<html") {
			t.Errorf("host %q is shown a page", c.host)
		}
	}
}

func TestWritesFromOtherSitesAreRefused(t *testing.T) {
	st := newStore(t)
	run := addRun(t, st, "mine", 0, 3)
	address := serve(t, web.Options{Store: st})
	body := url.Values{"run": {run.Slug}, "notes": {"written"}}.Encode()
	for _, c := range []struct {
		name   string
		header http.Header
		want   int
	}{
		{"another site, by its origin", http.Header{"Origin": {"http://evil.example"}}, http.StatusForbidden},
		{"another site, by the browser's word", http.Header{"Sec-Fetch-Site": {"cross-site"}}, http.StatusForbidden},
		{"another port of this machine", http.Header{"Origin": {"http://127.0.0.1:1"}}, http.StatusForbidden},
		{"a page without an origin", http.Header{"Origin": {"null"}}, http.StatusForbidden},
		{"its own page", http.Header{"Origin": {address}, "Sec-Fetch-Site": {"same-origin"}}, http.StatusSeeOther},
		{"a program, not a browser", nil, http.StatusSeeOther},
	} {
		if err := st.SetNotes(t.Context(), run.ID, ""); err != nil {
			t.Fatal(err)
		}
		answer, text := request(t, "POST", address+"/runs/notes", "", body, c.header)
		if answer.StatusCode != c.want {
			t.Errorf("%s: %d, want %d: %.80s", c.name, answer.StatusCode, c.want, text)
		}
		now, err := st.Run(t.Context(), run.ID)
		if err != nil {
			t.Fatal(err)
		}
		if written := now.Notes != ""; written != (c.want == http.StatusSeeOther) {
			t.Errorf("%s: notes are %q", c.name, now.Notes)
		}
	}
}

func TestReadOnlyServersChangeNothing(t *testing.T) {
	st := newStore(t)
	run := addRun(t, st, "mine", 0, 3)
	address := serve(t, web.Options{Store: st, ReadOnly: true})
	for _, action := range []string{"/runs/notes", "/runs/tags"} {
		answer, text := request(t, "POST", address+action, "", "run="+run.Slug+"&notes=x&tags=y", nil)
		if answer.StatusCode != http.StatusForbidden || !strings.Contains(text, "does not change it") {
			t.Errorf("%s: %d %.80s", action, answer.StatusCode, text)
		}
	}
	now, err := st.Run(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	if now.Notes != "" || len(now.Tags) > 0 {
		t.Errorf("the run has notes %q and tags %q", now.Notes, now.Tags)
	}
}

func TestATokenIsAskedForAndTakenOutOfTheAddress(t *testing.T) {
	address := serve(t, web.Options{Store: newStore(t), Token: "secret"})
	for _, path := range []string{"/", "/?token=wrong", "/live?topic=all", "/?token="} {
		if answer, _ := request(t, "GET", address+path, "", "", nil); answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without the token: %d", path, answer.StatusCode)
		}
	}
	if answer, _ := request(t, "POST", address+"/runs/notes?token=secret", "", "run=x", nil); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("a write with the token in its address: %d", answer.StatusCode)
	}
	answer, _ := request(t, "GET", address+"/?q=a&token=secret", "", "", nil)
	if to := answer.Header.Get("Location"); answer.StatusCode != http.StatusSeeOther || to != "/?q=a" {
		t.Errorf("the token in the address leads to %d %q", answer.StatusCode, to)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	for _, path := range []string{"/?token=secret", "/"} { // the second has the cookie
		answer, err := client.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || answer.Request.URL.Query().Has("token") {
			t.Errorf("%s: %d at %s", path, answer.StatusCode, answer.Request.URL)
		}
	}
}

func TestNoPageCanRunAScriptThatStandsInIt(t *testing.T) {
	address := serve(t, web.Options{Store: newStore(t)})
	tab := browser(t, 1280, 900)
	do(t, tab, chromedp.Navigate(address))
	do(t, tab, chromedp.Evaluate[chromedp.Void](`const s = document.createElement("script"); s.textContent = "window.broken = 1"; `+
		`document.body.append(s); undefined`))
	if value[bool](t, tab, `"broken" in window`) {
		t.Error("an inline script ran")
	}
}

// TestPagesAskForNothingElsewhere walks through the pages and listens to what
// the browser asks for, and to its complaints.
func TestPagesAskForNothingElsewhere(t *testing.T) {
	st := newStore(t)
	a, b := addRun(t, st, "first", 0, 30), addRun(t, st, "second", 1, 30)
	address := serve(t, web.Options{Store: st})
	tab := browser(t, 1280, 900)
	ctx, stop := context.WithCancel(tab)
	defer stop()
	requests, complaints := gather(chromedp.Events(ctx, network.RequestWillBeSent)), gather(chromedp.Console(ctx))
	do(t, tab, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, network.Enable, network.EnableParams{})
		return err
	}))
	for _, path := range []string{"/", "/?q=first", "/runs/" + a.Slug, "/runs/" + b.Slug, "/compare?run=" + a.Slug + "&run=" +
		b.Slug, "/sweeps"} {
		do(t, tab, chromedp.Navigate(address+path))
		eventually(t, tab, `document.readyState === "complete" && document.getElementById("link").dataset.state === "live"`, soon)
	}
	stop()

	asked := requests()
	for _, event := range asked {
		if r := event.Request.URL; !strings.HasPrefix(r, address+"/") && !strings.HasPrefix(r, "data:") {
			t.Errorf("the browser asked for %s", r)
		}
	}
	if len(asked) < 10 {
		t.Errorf("only %d requests were seen", len(asked))
	}
	for _, m := range complaints() {
		t.Errorf("the browser says: %s", m)
	}
}

// gather reads events as they come, until they end; the function that it returns
// waits for that and gives what has come.
func gather[E any](events iter.Seq2[E, error]) func() []E {
	var found []E
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for event, err := range events {
			if err != nil {
				return
			}
			found = append(found, event)
		}
	}()
	return func() []E {
		<-ended
		return found
	}
}

func TestServingEndsWithEverythingItStarted(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	st := newStore(t)
	address, stop := start(t, web.Options{Store: st})
	answer, err := http.Get(address + "/live?topic=all")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if line, err := bufio.NewReader(answer.Body).ReadString('\n'); err != nil || !strings.HasPrefix(line, "retry:") {
		t.Fatalf("the stream begins with %q, %v", line, err)
	}
	began := time.Now()
	stop()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("ending took %v with a viewer there", took)
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
}
