// Command harness trains, samples and compares diffusion models; see the README.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"flowharness/harness/internal/backend"
	_ "flowharness/harness/internal/startup" // before the libraries that it keeps quiet
)

func main() {
	backend.TuneAllocator()
	ctx, stop := untilSignal()
	defer stop()
	os.Exit(run(ctx, os.Args[1:], streams{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		terminal: term.IsTerminal(int(os.Stderr.Fd())), outTerminal: term.IsTerminal(int(os.Stdout.Fd())), inTerminal: term.IsTerminal(int(os.Stdin.Fd())),
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
