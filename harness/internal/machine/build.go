package machine

import "runtime/debug"

// computing lists the modules whose version can affect the numbers that a run computes.
var computing = []string{"github.com/gomlx/gomlx", "github.com/gomlx/go-xla", "github.com/gomlx/compute"}

// moduleVersions returns the versions of the computing modules that are built into this program.
func moduleVersions() map[string]string {
	versions := make(map[string]string, len(computing))
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return versions
	}
	for _, module := range info.Deps {
		for _, path := range computing {
			if module.Path != path {
				continue
			}
			versions[path] = module.Version
			if module.Replace != nil {
				versions[path] = module.Replace.Path + "@" + module.Replace.Version
			}
		}
	}
	return versions
}

// BuildGit returns the commit that this program was built from, as recorded by the Go tool.
func BuildGit() Git {
	var git Git
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return git
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			git.Commit = setting.Value
		case "vcs.modified":
			git.Dirty = setting.Value == "true"
		}
	}
	return git
}
