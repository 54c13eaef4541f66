package compiled

import "os"

// Overwrite puts a program in the place of another.
func Overwrite(path string, program []byte) error { return os.WriteFile(path, encode(program), 0o600) }
