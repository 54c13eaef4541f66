// Package shell is what all pages share: the server and who may ask it for what, the layout and its parts, scripts and styles,
// live updates, words for values, and answers to errors.
//
// A page's address holds all of its state. Its parts that can change carry data-live; when the store changes, the page is
// asked for again, and these parts are replaced (assets/live.js). So a page is rendered in one way only.
package shell

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"flowharness/harness/internal/store"
)

// Options say what is served, and to whom.
type Options struct {
	Store *store.Store
	// Name is what the pages call the store; "": the path of its file.
	Name string
	// ReadOnly refuses everything that changes the store.
	ReadOnly bool
	// Token, if not empty, must be shown by everyone: once as ?token=…, then by
	// the cookie that this sets; or as Authorization: Bearer, by programs.
	Token string
	// BasePath is what stands before the addresses of all pages, where a proxy
	// shows them, see [ParseBasePath]. Requests may have it or not.
	BasePath string
	// ProxyHeaders has X-Forwarded-Prefix (in place of BasePath), X-Forwarded-Host
	// and X-Forwarded-Proto believed. Anybody can send them: it is right where
	// nobody but a proxy reaches the server.
	ProxyHeaders bool
	// Hosts are names that the server is reached by besides the one it listens
	// on, such as that of a machine behind 0.0.0.0.
	Hosts []string
	// Now is the clock; nil: the real one.
	Now func() time.Time
}

// Server answers requests about one store.
type Server struct {
	Options
	templates *templates
	assets    assets
	live      *live
	mux       *http.ServeMux
	starting  []func(*store.Watch) func(context.Context)
}

// New returns a server of pages that are added to it. Its live updates begin with Serve.
func New(o Options, files ...Files) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Name == "" {
		o.Name = o.Store.Path()
	}
	s := &Server{Options: o, templates: newTemplates(files), assets: newAssets(files), live: newLive(o.Store), mux: http.NewServeMux()}
	s.mux.HandleFunc("GET /live", s.live.stream)
	s.mux.Handle("GET "+assetPrefix+"{version}/{name}", s.assets) // no subtree, to which the mux would lead without the base path
	s.Page("/", func(http.ResponseWriter, *http.Request) error { return ErrNoPage })
	return s
}

// OnServe has start called when the server begins to answer, with what sees changes of the store. What it returns runs beside
// the server until that ends; nil: nothing.
func (s *Server) OnServe(start func(*store.Watch) func(context.Context)) {
	s.starting = append(s.starting, start)
}

// Serve answers on a listener until ctx ends. Requests that are under way then
// have a second to finish; streams of live updates are ended at once.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watch, err := s.Store.Watch(ctx)
	if err != nil {
		return ended(err)
	}
	defer watch.Close()
	var beside sync.WaitGroup
	for _, start := range s.starting {
		if run := start(watch); run != nil {
			beside.Go(func() { run(ctx) })
		}
	}
	watching := make(chan error, 1)
	go func() { watching <- s.live.run(ctx, watch) }()

	server := &http.Server{
		Handler:           s.guarded(l.Addr(), s.mux),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		// Streams end when the server does.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	serving := make(chan error, 1)
	go func() { serving <- server.Serve(l) }()

	select {
	case err = <-serving:
	case err = <-watching:
		watching <- nil
	case <-ctx.Done():
	}
	cancel()
	grace, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer stop()
	if server.Shutdown(grace) != nil {
		_ = server.Close()
	}
	<-watching
	beside.Wait()
	return ended(err)
}

// ended leaves out that the server was stopped, which is no error.
func ended(err error) error {
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
