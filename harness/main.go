// Command harness trains, samples and compares diffusion models; see the README.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"flowharness/harness/internal/backend"
	_ "flowharness/harness/internal/startup" // before the libraries that it keeps quiet
	"flowharness/harness/internal/terminal"
)

func main() {
	backend.TuneAllocator()
	ctx, stop := untilSignal()
	defer stop()
	os.Exit(run(ctx, os.Args[1:], streams{
		in: os.Stdin, out: terminal.On(os.Stdout), err: terminal.On(os.Stderr), inTerminal: terminal.IsTerminal(os.Stdin),
	}))
}

// untilSignal returns a context that ends at the first SIGINT or SIGTERM; the
// second one ends the program at once.
func untilSignal() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(exitInterrupted)
	}()
	return ctx, func() { signal.Stop(signals); cancel() }
}
