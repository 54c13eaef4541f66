// Package web shows a store in a browser: pages rendered here, charts drawn
// here, and a little script for what a page cannot do by itself. It reads the
// store, compares with [flowharness/harness/internal/compare], and never trains.
//
// A page's address holds all of its state. Its parts that can change carry
// data-live; when the store changes, the page is asked for again, and these
// parts are replaced (assets/live.js). So a page is rendered in one way only.
package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"flowharness/harness/internal/catalog"
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
	live    *live
	phases  phaseCache
	results *results // of comparisons
	runs    *catalog.Catalog
	handler http.Handler
}

// New returns a server that is ready to answer. Its live updates begin with Serve.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Name == "" {
		o.Name = o.Store.Path()
	}
	s := &Server{Options: o}
	s.live, s.runs, s.results = newLive(o.Store), catalog.New(o.Store), newResults(o.Store)
	s.handler = s.routes()
	return s
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
	s.runs.Follow(watch)
	watching := make(chan error, 1)
	go func() { watching <- s.live.run(ctx, watch) }()
	warm := make(chan struct{})
	go func() { s.warm(ctx); close(warm) }()

	server := &http.Server{
		Handler:           s.guarded(l.Addr(), s.handler),
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
	<-warm
	return ended(err)
}

// ended leaves out that the server was stopped, which is no error.
func ended(err error) error {
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
