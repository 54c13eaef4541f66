package models

import (
	"fmt"
	"reflect"
)

// Registration is a network's entry in the list. O is the struct of its options: the keys that
// the section `model` of configs has for it. The struct's tags say what they hold: yaml and json
// (the key) and jsonschema (its range). Its method DescribeKeys says what each
// is for.
type Registration[O any] struct {
	// Name selects it in a config, as model.name.
	Name string
	// About is a sentence about it, for those who write configs.
	About string
	// ForImages says that it is for images, and not for points in the plane.
	ForImages bool
	// Options are the defaults. A zero is one that SetDefaults fills.
	Options O
	// Follows says which options' defaults follow from which others: a difference in these explains one in those.
	Follows []Following
	// SetDefaults, if not nil, fills what is unset and follows from the data or from other options.
	SetDefaults func(o *O, data Data)
	// Validate, if not nil, reports what is wrong with options whose defaults have been set.
	Validate func(o O, data Data, p *Problems)
	// TakesClasses says whether the prediction depends on the labels; nil is yes. A network that does not take them
	// cannot be guided by them.
	TakesClasses func(o O) bool
	// New builds the network of options that have been validated.
	New func(o O, data Data, precision Precision) Network
	// Diffusers, if not nil, is the model of diffusers that weights can be exchanged with.
	Diffusers *Diffusers[O]
}

// Following is an option whose default follows from that of another.
type Following struct{ Key, On string }

// entry is a Registration whatever its options are.
type entry struct {
	name, about  string
	forImages    bool
	follows      []Following
	options      func() any // a pointer to the defaults, anew
	setDefaults  func(options any, data Data)
	validate     func(options any, data Data, p *Problems)
	takesClasses func(options any) bool
	new          func(options any, data Data, precision Precision) Network
	diffusers    *diffusersEntry // nil if diffusers has no such model
}

// networks lists every network, in the order names are shown; the first is what a config means
// that names none.
var networks []entry

// Register adds a network. It panics if there is one of its name, or if configs could not tell
// its options from other keys.
func Register[O any](r Registration[O]) {
	if _, known := find(r.Name); known {
		panic("models: there is a network " + r.Name + " already")
	}
	if r.Name == "" || r.New == nil {
		panic(fmt.Sprintf("models: network %q needs a name and New", r.Name))
	}
	if t := reflect.TypeFor[O](); t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("models: the options of network %q must be a struct, not %s", r.Name, t))
	}
	networks = append(networks, entry{
		name: r.Name, about: r.About, forImages: r.ForImages, follows: r.Follows,
		options: func() any { o := r.Options; return &o },
		setDefaults: func(options any, data Data) {
			if r.SetDefaults != nil {
				r.SetDefaults(options.(*O), data)
			}
		},
		validate: func(options any, data Data, p *Problems) {
			if r.Validate != nil {
				r.Validate(*options.(*O), data, p)
			}
		},
		takesClasses: func(options any) bool { return r.TakesClasses == nil || r.TakesClasses(*options.(*O)) },
		new: func(options any, data Data, precision Precision) Network {
			return r.New(*options.(*O), data, precision)
		},
		diffusers: diffusersOf(r.Diffusers),
	})
}

// Names lists the networks.
func Names() []string {
	names := make([]string, 0, len(networks))
	for _, n := range networks {
		names = append(names, n.name)
	}
	return names
}

// forPoints lists the networks that points can be given to.
func forPoints() (names []string) {
	for _, n := range networks {
		if !n.forImages {
			names = append(names, n.name)
		}
	}
	return names
}

// Default is the name of the network of a config that names none.
func Default() string { return networks[0].name }

// About is a sentence about a network; "" if there is none of that name.
func About(name string) string {
	n, _ := find(name)
	return n.about
}

// Follow lists, of all networks, the options whose defaults follow from others.
func Follow() []Following {
	var all []Following
	for _, n := range networks {
		all = append(all, n.follows...)
	}
	return all
}

// New builds the network of a config for some data, in a precision; "" is [Float32].
func New(c Config, data Data, precision Precision) (Network, error) {
	if err := precision.validate(); err != nil {
		return nil, err
	}
	c.SetDefaults(data)
	if err := c.Validate(data); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	n, _ := find(c.Name)
	return n.new(c.Options, data, precision), nil
}

func find(name string) (entry, bool) {
	for _, n := range networks {
		if n.name == name {
			return n, true
		}
	}
	return entry{}, false
}
