"""Time and memory of this repository's steps on XLA CPU, as ratios to PyTorch and diffusers on the same machine.

    python3 harness/internal/speed/peers/compare.py [--repeats N] [NAME ...]

Both sides run in processes of their own and take turns, so that whatever else the machine does meets both. A ratio
is that of the medians; below 1 we are faster, or smaller. The last lines are "ratio NAME OURS/THEIRS", for
machines; what could not be measured has the line "skipped NAME REASON" instead.

Needs: pip install torch diffusers (peers.py does it), and the XLA plugin (make plugin).
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", "..", "..", ".."))
TRAIN = os.path.join(ROOT, "harness", "internal", "train")

# name: (what to ask for, how many turns as a share of --repeats)
TIMED = {
    "train_b32": ("train 32", 1.0),
    "train_b64": ("train 64", 1.0),
    "train_b256": ("train 256", 0.3),
    "sample_step": ("sample 1", 1.0),
    "sample_cfg50": ("sample 50", 0.2),
}
# The same against PyTorch with torch.compile, which needs a C++ compiler.
COMPILED = {"train_b32_compiled": ("train 32", 1.0), "sample_step_compiled": ("sample 1", 1.0)}
MEMORY = {"memory_train": "train 32", "memory_sample": "sample 4"}
NAMES = [*TIMED, *COMPILED, "first_step", *MEMORY]


class Side:
    """A process that does steps when asked to."""

    def __init__(self, command, directory):
        env = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="2")
        self.started = time.perf_counter()
        self.process = subprocess.Popen(command, cwd=directory, env=env, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.answer("ready")

    def answer(self, word):
        for line in self.process.stdout:
            if line.startswith(word):
                return line.split()[1:]
        raise RuntimeError(f"{self.process.args[0]} ended without saying {word!r}")

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return float(self.answer("done")[0])

    def close(self):
        """Ends the process and returns its peak memory in bytes."""
        self.process.stdin.close()
        self.process.stdout.read()
        _, _, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = 0
        return usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--repeats", type=int, default=15, help="turns of each side (default 15)")
    args = parser.parse_args()
    if unknown := set(args.names) - set(NAMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")

    with tempfile.TemporaryDirectory() as scratch:
        binary = os.path.join(scratch, "train.test")
        subprocess.run(["go", "test", "-c", "-o", binary, "./harness/internal/train"], cwd=ROOT, check=True)
        ours = lambda: Side([binary, "-test.run=^TestServe$", "-test.timeout=6h", "-serve"], TRAIN)
        theirs = lambda *flags: Side([sys.executable, os.path.join(HERE, "torch_unet.py"), *flags], HERE)
        results = []
        for name in args.names or NAMES:
            try:
                a, b, unit = measure(name, ours, theirs, args.repeats)
            except (RuntimeError, subprocess.CalledProcessError) as e:
                results.append(f"skipped {name} {e}")
                continue
            print(f"{name}: ours {a:.4g} {unit}, theirs {b:.4g} {unit}", flush=True)
            results.append(f"ratio {name} {a / b:.3f}")
    print("\n".join(results))


def measure(name, ours, theirs, repeats):
    if name in TIMED:
        what, share = TIMED[name]
        return *take_turns(what, max(3, round(share * repeats)), ours, theirs), "s"
    if name in COMPILED:
        what, share = COMPILED[name]
        return *take_turns(what, max(3, round(share * repeats)), ours, lambda: theirs("--compile")), "s"
    if name in MEMORY:
        return *(peak_memory(side, MEMORY[name]) for side in (ours, theirs)), "bytes"
    if name == "first_step":
        return *(statistics.median(first_step(side) for _ in range(3)) for side in (ours, theirs)), "s"
    raise ValueError(name)


def take_turns(what, repeats, ours, theirs):
    sides = [ours(), theirs()]
    times = [[], []]
    for turn in range(repeats + 1):
        for side, list_ in zip(sides, times):
            seconds = side.ask(what)
            if turn > 0:  # the first compiles and warms caches
                list_.append(seconds)
    for side in sides:
        side.close()
    return [statistics.median(t) for t in times]


def peak_memory(start, what):
    side = start()
    for _ in range(3):
        side.ask(what)
    return side.close()


def first_step(start):
    """From the start of the process to the end of its first training step."""
    side = start()
    side.ask("train 32")
    seconds = time.perf_counter() - side.started
    side.close()
    return seconds


if __name__ == "__main__":
    main()
