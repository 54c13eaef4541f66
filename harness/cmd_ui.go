package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web"
)

type uiOptions struct {
	*app
	address      string
	basePath     string
	proxyHeaders bool
	token        string
	hosts        []string
	readOnly     bool
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
encrypted on the way; over a network that others use, ssh -L is the better way.
Programs send the token as a bearer:
curl -H "Authorization: Bearer $TOKEN" http://gpu-box:8420/runs/fm-1/series/train/loss.csv

Behind a proxy that shows them under a path, as JupyterHub, code-server and nginx
do, --base-path says which; the proxy may take it off or not.`,
		Example: `  harness ui
  harness ui --read-only
  harness ui --address :8420 --host gpu-box
  harness ui --address 8900 --base-path "${JUPYTERHUB_SERVICE_PREFIX}proxy/8900" --host hub.example.org`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.Flags().Changed("address"))
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.address, "address", defaultUIAddress,
		"where to listen, as HOST:PORT, PORT (on this machine only), :PORT (from all others, too) or HOST; port 0: any that is free")
	f.StringVar(&o.basePath, "base-path", "", "the path that a proxy shows the pages under, such as /user/x/proxy/8900")
	f.BoolVar(&o.proxyHeaders, "proxy-headers", false,
		"believe a proxy's X-Forwarded-Prefix (for --base-path), -Host and -Proto; only where nobody else reaches the address")
	f.StringVar(&o.token, "token", "", "the token to ask for (default: a new one, if other machines can reach the address)")
	f.StringSliceVar(&o.hosts, "host", nil, "a name that this machine is reached by (repeatable)")
	f.BoolVar(&o.readOnly, "read-only", false, "show the store, change nothing")
	return cmd
}

func (o *uiOptions) run(ctx context.Context, addressGiven bool) error {
	base := ""
	if o.basePath != "" {
		var err error
		if base, err = web.ParseBasePath(o.basePath); err != nil {
			return usagef("--base-path: %v", err)
		}
	}
	l, err := listenUI(ctx, o.address, addressGiven)
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
	places := reachable(ctx, l.Addr(), base+"/", o.token)
	fmt.Fprintln(o.out, places[0])
	for _, place := range places[1:] {
		fmt.Fprintf(o.err, "on this machine also %s\n", place)
	}
	if base != "" {
		fmt.Fprintf(o.err, "behind a proxy: its address, then %s/\n", base)
	}
	fmt.Fprintf(o.err, "showing %s; Ctrl-C ends it\n", clean(st.Path()))
	return web.New(web.Options{Store: st, Name: clean(o.storePath("")), ReadOnly: o.readOnly, Token: o.token, Hosts: o.hosts,
		BasePath: base, ProxyHeaders: o.proxyHeaders}).Serve(ctx, l)
}

func (o *uiOptions) open(ctx context.Context) (*store.Store, error) {
	if o.readOnly {
		return store.OpenReadOnly(ctx, o.storePath(""))
	}
	return o.openStore(ctx)
}
