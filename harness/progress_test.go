package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"flowharness/harness/internal/record"
	"flowharness/harness/internal/terminal"
	"flowharness/harness/internal/terminal/terminaltest"
	"flowharness/harness/internal/train"
)

func events() []train.Event {
	list := []train.Event{{Message: "compiling the training step", Steps: 4, Epochs: 2}}
	for step := 1; step <= 4; step++ {
		e := train.Event{Step: step, Steps: 4, Epoch: (step + 1) / 2, Epochs: 2, Loss: 1 / float64(step), StepTime: time.Millisecond}
		if step%2 == 0 {
			e.EpochEnd, e.Last100 = true, e.Loss
		}
		list = append(list, e)
	}
	return append(list, train.Event{Sampled: &train.Sample{Drawing: record.Drawing{Sampler: "heun", Steps: 8, Guidance: 2,
		Images: 44, Seconds: 1.5, NFE: 32}}, Step: 4, Steps: 4})
}

func TestProgressWithoutATerminalIsPlainLines(t *testing.T) {
	var out bytes.Buffer
	p := newRunProgress(terminal.To(&out), 3600)
	for _, e := range events() {
		p.event(e)
	}
	p.close()
	text := out.String()
	if strings.ContainsAny(text, "\r\x1b") {
		t.Errorf("control characters in %q", text)
	}
	for _, want := range []string{
		"compiling the training step\n",
		"epoch 1/2: mean of the last 100 losses 0.500000\n",
		"step 4/4  loss 0.2500  ",
		"epoch 2/2: mean of the last 100 losses 0.250000\n",
		"sampled heun, 8 steps, guidance 2: 44 images in 1.50 s (NFE 32)\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "step 3/4") {
		t.Errorf("a line came before its time:\n%s", text)
	}
}

func TestProgressOnATerminalIsABarBelowTheLines(t *testing.T) {
	file, written := terminaltest.Open(t, 120, 24)
	p := newRunProgress(terminal.On(file), 3600)
	for _, e := range events() {
		p.event(e)
	}
	p.warn("the disk is nearly full")
	p.close()
	text := written()
	if !strings.Contains(text, "\r") || !strings.Contains(text, "epoch 2/2, loss 0.2500") || !strings.Contains(text, "█  step 4/4") {
		t.Errorf("there is no bar in %q", text)
	}
	if !strings.Contains(text, "\r\x1b[Kepoch 1/2: mean of the last 100 losses 0.500000\n") {
		t.Errorf("the line of epoch 1 does not stand on its own in %q", text)
	}
	if !strings.HasSuffix(text, "(NFE 32)\nwarning: the disk is nearly full\n") {
		t.Errorf("what came after the bar does not stand on lines of its own: %q", text)
	}
}
