// Package backend opens the device that computes: XLA through a PJRT plugin, on the CPU or an NVIDIA GPU, or GoMLX's
// pure-Go backend. It finds plugins, installs them when asked to, and says in words what it did.
//
// Nothing is downloaded except by [Install].
package backend

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/go-xla/pjrt"

	"flowharness/harness/internal/plugin"
)

// Names of the backends, as in configs and flags.
const (
	Auto    = "auto"     // the first of XLACUDA, XLACPU and Go that can be had
	XLACPU  = "xla:cpu"  // XLA on the processor
	XLACUDA = "xla:cuda" // XLA on an NVIDIA GPU
	Go      = "go"       // GoMLX's pure-Go backend: slow, needs nothing
)

// Names lists the backends that [Open] accepts.
func Names() []string { return []string{Auto, XLACPU, XLACUDA, Go} }

// Options says which backend to open.
type Options struct {
	Name   string // one of Names; empty means Auto
	Plugin string // file or folder of the PJRT plugin; empty means looking it up, see plugin.Find

	NoCache bool         // compile every program, and keep none; see package compiled
	Log     func(string) `json:"-"` // told, in a line each, what goes wrong with the cache; nil means nobody
}

// Backend is an open backend. Finalize it when it is no longer needed.
type Backend struct {
	compute.Backend
	Info Info
}

// Info is what there is to know about an open backend, for the record of a run.
type Info struct {
	Requested       string   `json:"requested"`                  // the name asked for
	Name            string   `json:"name"`                       // the backend in use: never "auto"
	PluginPath      string   `json:"plugin,omitempty"`           // file of the PJRT plugin
	PluginVersion   string   `json:"plugin_version,omitempty"`   // version of the API it implements, and its package
	PlatformVersion string   `json:"platform_version,omitempty"` // what the plugin says about the XLA in it
	Devices         []string `json:"devices,omitempty"`          // all it offers; the first ones are used
	UsedDevices     int      `json:"used_devices,omitempty"`     // how many a run trains on, where it is more than one
	MicrobatchSize  int      `json:"microbatch_size,omitempty"`  // images that it runs the network on at once, where it takes a batch in parts
	XLAFlags        string   `json:"xla_flags,omitempty"`        // XLA_FLAGS when the plugin was loaded
	Allocator       string   `json:"allocator,omitempty"`        // GLIBC_TUNABLES this process started with
	Warning         string   `json:"warning,omitempty"`          // what the user of the result should know
	Tried           []string `json:"tried,omitempty"`            // where plugins were looked for, and what was there
}

// TrainingDevices is how many devices a run trains on.
func (i Info) TrainingDevices() int { return max(1, i.UsedDevices) }

// Open opens a backend. A named backend is opened or is an error; Auto takes the first that works, and when
// that is slower than what the machine could offer, Info.Warning says why and what to type. A plugin that the user named
// must work, under Auto too. Open never downloads.
func Open(opts Options) (*Backend, error) {
	if opts.Name == "" {
		opts.Name = Auto
	}
	if opts.Plugin != "" && opts.Name == Go {
		return nil, fmt.Errorf("backend %q uses no plugin, but one is given: %s; remove it or name the backend %s", Go, opts.Plugin, XLACPU)
	}
	switch opts.Name {
	case Auto:
		return openAuto(opts)
	case XLACPU, XLACUDA:
		return openXLA(opts.Name, opts)
	case Go:
		return openGo(opts.Name)
	default:
		return nil, fmt.Errorf("unknown backend %q; use one of: %s", opts.Name, strings.Join(Names(), ", "))
	}
}

func openAuto(opts Options) (*Backend, error) {
	if opts.Plugin != "" {
		return openXLA("xla:"+plugin.KindOf(opts.Plugin), opts)
	}
	var tried, problems []string
	names := []string{XLACPU}
	if HasNVIDIA() {
		names = []string{XLACUDA, XLACPU}
	}
	for _, name := range names {
		b, err := openXLA(name, opts)
		if err == nil {
			b.Info.Tried = append(tried, b.Info.Tried...)
			if len(problems) > 0 {
				b.Info.Warning = fmt.Sprintf("using %s although this machine has an NVIDIA GPU: %s", name, strings.Join(problems, "\n"))
			}
			return b, nil
		}
		tried = append(tried, name+": "+err.Error())
		problems = append(problems, err.Error())
	}
	b, err := openGo(opts.Name)
	if err != nil {
		return nil, err
	}
	b.Info.Tried = tried
	b.Info.Warning = fmt.Sprintf("using GoMLX's pure-Go backend, which is many times slower than XLA: %s", strings.Join(problems, "\n"))
	return b, nil
}

func openGo(requested string) (*Backend, error) {
	// One operation at a time: when operations run beside each other and as many matrix products as the backend has
	// workers begin at once, each waits for a worker to share its work with, for ever (seen with compute v0.1.3).
	b, err := gobackend.New("ops_sequential")
	if err != nil {
		return nil, fmt.Errorf("opening backend %q: %w", Go, err)
	}
	return &Backend{Backend: b, Info: Info{Requested: requested, Name: Go, Allocator: allocator, Devices: devices(b)}}, nil
}

func openXLA(name string, opts Options) (*Backend, error) {
	kind := strings.TrimPrefix(name, "xla:")
	if kind == "cuda" && !HasNVIDIA() {
		return nil, fmt.Errorf("backend %s: no NVIDIA GPU found (no /dev/nvidia0, and nvidia-smi finds none); use %s or %s", name, XLACPU, Auto)
	}
	path, tried, err := plugin.Find(kind, opts.Plugin)
	if err != nil {
		return nil, err
	}
	if err := plugin.CheckFile(path); err != nil {
		return nil, fmt.Errorf("%w; %s", err, plugin.Advice(path))
	}
	if strings.Contains(path, ",") {
		return nil, fmt.Errorf("the XLA plugin's path %q has a comma in it, which go-xla takes for the beginning of its options; move the "+
			"plugin", path)
	}
	if err := setFlags(kind); err != nil {
		return nil, fmt.Errorf("opening backend %s: %w", name, err)
	}
	version, table, err := plugin.Probe(path)
	if err != nil {
		return nil, err
	}
	keepPrograms(kind, path, table, opts)
	// The full path keeps go-xla from looking for, and downloading, another plugin.
	xla.EnableAutoInstall(false)
	b, err := xla.New(path + options[kind])
	if err != nil {
		return nil, fmt.Errorf("opening backend %s with the plugin %s: %w", name, path, err)
	}
	return &Backend{Backend: b, Info: Info{
		Requested:       opts.Name,
		Name:            name,
		PluginPath:      path,
		PluginVersion:   pluginVersion(path, version),
		PlatformVersion: platformVersion(path),
		Devices:         devices(b),
		XLAFlags:        os.Getenv("XLA_FLAGS"),
		Allocator:       allocator,
		Tried:           tried,
	}}, nil
}

// options are go-xla's options for a kind of plugin. It would guess shared_buffers from the path. TF32 has 10 bits
// of mantissa: matrix products would differ from the CPU's in the fourth digit.
var options = map[string]string{
	"cpu":  ",shared_buffers=true",
	"cuda": ",shared_buffers=false,tf32=false",
}

// IsXLACPU tells whether a backend is XLA on the processor, whose buffers alone of XLA's are those of the host.
func IsXLACPU(b compute.Backend) bool { return b.Name() == xla.BackendName && b.HasSharedBuffers() }

func devices(b compute.Backend) []string {
	names := make([]string, b.NumDevices())
	for i := range names {
		names[i] = b.DeviceDescription(compute.DeviceNum(i))
	}
	return names
}

func pluginVersion(path string, version plugin.Version) string {
	if origin := plugin.ReadOrigin(path); origin.Package != "" {
		return fmt.Sprintf("%v, %s %s", version, origin.Package, origin.Version)
	}
	return version.String()
}

// platformVersion lists the attributes that the plugin declares, such as the version of XLA it was built from.
func platformVersion(path string) string {
	loaded, err := pjrt.GetPlugin(path)
	if err != nil {
		return ""
	}
	var attributes []string
	for name, value := range loaded.Attributes() {
		attributes = append(attributes, fmt.Sprintf("%s=%v", name, value))
	}
	slices.Sort(attributes)
	return strings.Join(attributes, " ")
}
