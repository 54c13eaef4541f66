package plugin

import (
	"encoding/json"
	"os"
	"strings"
)

// Origin says where an installed plugin came from. It lies beside the plugin, with the ending .json.
type Origin struct {
	Package string `json:"package"` // name of the package or release
	Version string `json:"version"`
	SHA256  string `json:"sha256"` // of the plugin file, hexadecimal
}

// OriginPath is the file that holds the origin of a plugin.
func OriginPath(path string) string { return strings.TrimSuffix(path, ".so") + ".json" }

// ReadOrigin returns the origin of a plugin, the zero value if it is not known.
func ReadOrigin(path string) Origin {
	var origin Origin
	data, err := os.ReadFile(OriginPath(path))
	if err != nil || json.Unmarshal(data, &origin) != nil {
		return Origin{}
	}
	return origin
}
