package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"flowharness/harness/internal/compiled"
	"flowharness/harness/internal/config"
	"flowharness/harness/internal/dataset"
	"flowharness/harness/internal/machine"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/train"
)

type doctorOptions struct {
	*app
	config            string
	salvage, salvaged string
	json              bool
}

// diagnosis is what doctor finds out.
type diagnosis struct {
	OK       bool               `json:"ok"` // a run could start
	Problems []string           `json:"problems"`
	Backend  backendState       `json:"backend"`
	Cache    compiled.State     `json:"cache"` // of compiled programs
	Data     []dataset.Location `json:"data"`
	Store    storeState         `json:"store"`
	Machine  machine.Facts      `json:"machine"`
}

type storeState struct {
	Path      string `json:"path"`
	Exists    bool   `json:"exists"`
	Schema    int64  `json:"schema_version,omitempty"`
	Integrity string `json:"integrity,omitempty"` // "ok" or what is wrong
	FreeBytes uint64 `json:"free_bytes"`
}

// minFreeBytes is what a run with checkpoints needs at the least.
const minFreeBytes = 200 << 20

func newDoctorCommand(a *app) *cobra.Command {
	o := &doctorOptions{app: a}
	cmd := &cobra.Command{
		Use: "doctor [--config CONFIG]", Short: "Say whether a run could start here, and if not, why",
		Long: `Check what a run needs: backend, XLA plugin, devices, datasets, store, disk.
With --config, what that config asks for. Exits with 1 when a run could not
start.

With --recover, salvage a damaged store instead: what can be read of it is written
to a new one, run by run, and what is known to be lost is said. The damaged file is
only read, page by page, so that it may lack its header or list of tables, too.
Checkpoints are files of their own beside it, which the new store has as well.`,
		Example: "  harness doctor\n  harness doctor --config configs/fm_mnist.yaml --json\n  harness doctor --recover runs/harness.db",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case o.salvage != "":
				if err := exclusive(cmd, "recover", "config"); err != nil {
					return err
				}
				return o.recoverStore(cmd.Context())
			case o.salvaged != "":
				return usagef("--out is for --recover")
			}
			return o.run(cmd.Context())
		},
	}
	pathVar(cmd.Flags(), &o.config, "config", "check what this config needs")
	pathVar(cmd.Flags(), &o.salvage, "recover", "salvage what can be read of this damaged store into a new one")
	pathVarP(cmd.Flags(), &o.salvaged, "out", "o", "the new store, with --recover (default NAME-recovered.db beside it)")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func (o *doctorOptions) run(ctx context.Context) error {
	cfg := config.Defaults()
	if o.config != "" {
		r, err := config.Load(o.config, nil)
		if err != nil {
			return err
		}
		cfg = r.Config
	}
	d, err := o.diagnose(ctx, cfg)
	if err != nil {
		return err
	}
	if o.json {
		err = o.printJSON(d)
	} else {
		o.print(d)
	}
	if err == nil && !d.OK {
		return &quietError{errors.New(strings.Join(d.Problems, "; "))}
	}
	return err
}

func (o *doctorOptions) diagnose(ctx context.Context, cfg config.Config) (*diagnosis, error) {
	d := &diagnosis{Problems: []string{}, Machine: machine.Collect(ctx), Backend: tryBackend(cfg.Backend.Name, cfg.Backend.Plugin),
		Cache: compiled.Inspect()}
	problem := func(format string, args ...any) { d.Problems = append(d.Problems, fmt.Sprintf(format, args...)) }
	if !d.Backend.OK {
		problem("backend: %s", d.Backend.Error)
	} else if _, err := train.Devices(cfg, len(d.Backend.Info.Devices)); err != nil {
		problem("backend: %s: %s", d.Backend.Info.Name, errorText(err))
	}
	var err error
	if d.Data, err = locateAll(cfg.Data.Dir); err != nil {
		return nil, err
	}
	for _, l := range d.Data {
		if l.Name == cfg.Data.Name && !l.Present {
			problem("data: dataset %s: %s", l.Name, l.Problem)
		}
	}
	if d.Store, err = o.examineStore(ctx, o.storePath(cfg.Store)); err != nil {
		problem("store: %s", errorText(err))
	}
	if d.Store.FreeBytes < minFreeBytes {
		problem("disk: only %s free at %s", bytesText(int64(d.Store.FreeBytes)), d.Store.Path)
	}
	d.OK = len(d.Problems) == 0
	return d, nil
}

// examineStore looks at a store without creating it.
func (o *doctorOptions) examineStore(ctx context.Context, path string) (storeState, error) {
	s := storeState{Path: path}
	dir := filepath.Dir(path)
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	var err error
	if s.FreeBytes, err = machine.FreeDisk(dir); err != nil {
		return s, err
	}
	if _, err := os.Stat(path); err != nil {
		return s, writable(dir) // run creates it
	}
	s.Exists = true
	st, err := store.OpenExisting(ctx, path)
	if err != nil {
		s.Integrity = errorText(err)
		return s, err
	}
	defer st.Close()
	s.Schema = st.SchemaVersion()
	if err := st.Integrity(ctx); err != nil {
		s.Integrity = errorText(err)
		return s, err
	}
	s.Integrity = "ok"
	return s, st.Unwritable() // then a run could not start, but what is recorded is sound
}

// writable says why nothing can be created in a folder.
func writable(dir string) error {
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("nothing can be created in %s: %w", dir, err)
	}
	return nil
}

func (o *doctorOptions) print(d *diagnosis) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(o.out, "%-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	if info := d.Backend.Info; info != nil {
		line("backend", "%s (asked for %s)", info.Name, info.Requested)
		if info.PluginPath != "" {
			line("plugin", "%s", info.PluginPath)
			line("", "%s", info.PluginVersion)
		}
		line("devices", "%s", strings.Join(info.Devices, ", "))
		line("xla flags", "%s", orNone(info.XLAFlags))
		if info.Warning != "" {
			line("warning", "%s", info.Warning)
		}
	}
	line("cache", "%s", cacheText(d.Cache))
	for _, l := range d.Data {
		switch {
		case l.Present && l.Dir == "":
			line("data", "%s: drawn by the program", l.Name)
		case l.Present:
			line("data", "%s: %s", l.Name, l.Dir)
			for _, f := range l.Files {
				line("", "  %.16s %s", f.SHA256, filepath.Base(f.Path))
			}
		default:
			line("data", "%s: absent", l.Name)
		}
	}
	if d.Store.Exists {
		line("store", "%s: schema %d, integrity %s", d.Store.Path, d.Store.Schema, d.Store.Integrity)
	} else {
		line("store", "%s: will be created", d.Store.Path)
	}
	line("disk", "%s free", bytesText(int64(d.Store.FreeBytes)))
	line("machine", "%d × %s, %s, %s", d.Machine.CPUs, d.Machine.CPUModel, bytesText(int64(d.Machine.MemoryBytes)), d.Machine.OS)
	if d.OK {
		line("verdict", "a run can start")
		return
	}
	for _, p := range d.Problems {
		line("PROBLEM", "%s", p)
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
