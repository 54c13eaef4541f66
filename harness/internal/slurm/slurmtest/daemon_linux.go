package slurmtest

import "syscall"

// dieWithParent has a daemon killed when the tests are, by a time-out or by hand.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
