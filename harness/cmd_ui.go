package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web"
)

// defaultUIAddress is where the pages are, if nothing else is asked for and
// nobody else is there.
const defaultUIAddress = "127.0.0.1:8420"

type uiOptions struct {
	*app
	address  string
	token    string
	hosts    []string
	readOnly bool
}

func newUICommand(a *app) *cobra.Command {
	o := &uiOptions{app: a}
	cmd := &cobra.Command{
		Use:   "ui",
		Short: "Look at runs in a browser",
		Long: `Serve pages about the store to a browser on this machine: runs, curves, sample
grids, comparisons and sweeps, live while runs train. No request leaves the
machine.

Only this machine can reach them. With --address they can be reached from
others, who must show a token: it is in the address that is printed. Nothing is
encrypted on the way; over a network that others use, ssh -L is the better way.`,
		Example: `  harness ui
  harness ui --read-only
  harness ui --address 0.0.0.0:8420 --host gpu-box`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.Flags().Changed("address"))
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.address, "address", defaultUIAddress, "where to listen, as HOST:PORT; port 0: any that is free")
	f.StringVar(&o.token, "token", "", "the token to ask for (default: a new one, if other machines can reach the address)")
	f.StringSliceVar(&o.hosts, "host", nil, "a name that this machine is reached by (repeatable)")
	f.BoolVar(&o.readOnly, "read-only", false, "show the store, change nothing")
	return cmd
}

func (o *uiOptions) run(ctx context.Context, addressGiven bool) error {
	l, err := o.listen(addressGiven)
	if err != nil {
		return err
	}
	defer l.Close()
	st, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	if !local(l.Addr()) {
		if o.token == "" {
			o.token = rand.Text()
		}
		if name, err := os.Hostname(); err == nil {
			o.hosts = append(o.hosts, name)
		}
	}
	address := "http://" + l.Addr().String() + "/"
	if o.token != "" {
		address += "?token=" + o.token
	}
	fmt.Fprintln(o.out, address)
	fmt.Fprintf(o.err, "showing %s; Ctrl-C ends it\n", clean(st.Path()))
	return web.New(web.Options{Store: st, Name: clean(o.storePath("")), ReadOnly: o.readOnly, Token: o.token, Hosts: o.hosts}).Serve(ctx, l)
}

// listen takes the address; if none was asked for and the default is taken, as
// by another of these servers, any free port.
func (o *uiOptions) listen(given bool) (net.Listener, error) {
	if _, _, err := net.SplitHostPort(o.address); err != nil {
		return nil, usagef("--address %s: write it like 127.0.0.1:8420", o.address)
	}
	l, err := net.Listen("tcp", o.address)
	if errors.Is(err, syscall.EADDRINUSE) {
		if given {
			return nil, fmt.Errorf("something else listens on %s: name another port, or 0 for any that is free", o.address)
		}
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", o.address, err)
	}
	return l, nil
}

func (o *uiOptions) open(ctx context.Context) (*store.Store, error) {
	if o.readOnly {
		return store.OpenReadOnly(ctx, o.storePath(""))
	}
	return o.openStore(ctx)
}

// local tells whether only this machine reaches an address.
func local(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
