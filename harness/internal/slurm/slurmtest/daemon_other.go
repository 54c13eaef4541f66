//go:build !linux

package slurmtest

import "syscall"

// dieWithParent has a daemon keep out of the terminal's signals; that it is killed with the tests is Linux's.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
