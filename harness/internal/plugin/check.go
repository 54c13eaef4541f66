package plugin

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
)

// entryPoint is the one function a PJRT plugin exports.
const entryPoint = "GetPjrtApi"

// CheckFile examines a plugin file without loading it: a whole ELF shared library, for this machine's processor,
// that exports PJRT's entry point. The error names the file and what is wrong with it; see [Advice].
func CheckFile(path string) error {
	if err := checkELF(path, runtime.GOARCH); err != nil {
		return fmt.Errorf("the XLA plugin %s cannot be used: %w", path, err)
	}
	return nil
}

func checkELF(path, goarch string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file")
	}
	var magic [len(elf.ELFMAG)]byte
	if _, err := file.ReadAt(magic[:], 0); err != nil || string(magic[:]) != elf.ELFMAG {
		return errors.New("it is not an ELF shared library")
	}
	library, err := elf.NewFile(file)
	if err != nil {
		return fmt.Errorf("it is truncated or damaged (%v)", err)
	}
	if want := machines[goarch]; library.Machine != want || library.Class != elf.ELFCLASS64 {
		return fmt.Errorf("it is built for %s (%s), this machine is %s (%s)",
			machineName(library.Machine), bits(library.Class), machineName(want), bits(elf.ELFCLASS64))
	}
	if library.Type != elf.ET_DYN {
		return fmt.Errorf("it is an ELF file of type %v, not a shared library", library.Type)
	}
	for _, segment := range library.Progs {
		if end := segment.Off + segment.Filesz; end < segment.Off || end > uint64(info.Size()) {
			return fmt.Errorf("it is truncated: %d bytes of at least %d", info.Size(), end)
		}
	}
	symbols, err := library.DynamicSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return fmt.Errorf("its symbol table is damaged (%v)", err)
	}
	if !slices.ContainsFunc(symbols, func(s elf.Symbol) bool { return s.Name == entryPoint && s.Section != elf.SHN_UNDEF }) {
		return fmt.Errorf("it is a shared library but no PJRT plugin (it does not export %s)", entryPoint)
	}
	return nil
}

// machines maps Go's names of processors to ELF's, for the processors XLA plugins exist for.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

func machineName(m elf.Machine) string {
	switch m {
	case elf.EM_X86_64:
		return "x86_64"
	case elf.EM_AARCH64:
		return "aarch64"
	default:
		return m.String()
	}
}

func bits(class elf.Class) string {
	if class == elf.ELFCLASS64 {
		return "64 bit"
	}
	return "32 bit"
}

// Advice says what to do about a plugin that does not work. The harness replaces only what it installed itself.
func Advice(path string) string {
	kind := KindOf(path)
	command := "harness backend install " + kind
	if own, err := real(CachePath(kind)); err == nil && path == own {
		return "to replace it, type: " + command
	}
	return "remove it or name another one; to get one that works, type: " + command
}
