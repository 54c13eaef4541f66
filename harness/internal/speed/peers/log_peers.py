"""Points a second and bytes a point of this repository's store, against the trackers that people use.

    python3 harness/internal/speed/peers/log_peers.py [--rounds N] [--seconds S] [--cache FOLDER] [NAME ...]

One process records one series; then four processes at once record one each into one store. We write a million points
a process; a peer as many as it writes in about S seconds. All take turns, so that whatever else the machine does meets
all. Each peer is installed by pip into an environment of its own below FOLDER; one that cannot be is not measured.

The last lines are for machines. "ratio log_points X" and "ratio log_points_4 X" are our points a second over those of
the fastest peer: above 1 we are faster. "ratio log_bytes X" is our bytes a point over those of the smallest: below 1 we
are smaller.

Needs: Python 3.9 with venv, the network for pip, and bin/harness (make build).
"""
import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", "..", "..", ".."))
OURS = "harness"
PEERS = ["trackio", "wandb", "aim", "mlflow"]
PROCESSES = {"one": 1, "four": 4}
TRIAL = 2000  # points that tell how many to write
MOST = 1_000_000


class NotMeasured(Exception):
    pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PEERS))
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--seconds", type=float, default=20, help="what a peer should take in a round (default 20)")
    parser.add_argument("--cache", default=os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "harness-peers"),
                        help="where the peers are installed (default %(default)s)")
    args = parser.parse_args()
    if unknown := set(args.names) - set(PEERS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")

    pythons, versions = {}, {OURS: harness("version", "--json")["commit"][:12] or "built here"}
    for name in args.names or PEERS:
        try:
            pythons[name], versions[name] = install(name, args.cache)
            print(f"{name} {versions[name]}", flush=True)
        except NotMeasured as e:
            print(f"{name} not measured: {e}", flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        peers = {}
        for name, python in pythons.items():
            try:
                peers[name] = Peer(name, python, os.path.join(scratch, name), args.seconds)
            except NotMeasured as e:
                print(f"{name} not measured: {e}", flush=True)
        results = take_turns(peers, args.rounds)
    report(results, versions, {name: p.points for name, p in peers.items()})


def take_turns(peers, rounds):
    """Returns for each (name, "one" or "four") a list of (points a second, bytes a point)."""
    results = {}
    for turn in range(rounds):
        for of, n in PROCESSES.items():
            for name in [OURS, *peers]:
                try:
                    measured = ours(of) if name == OURS else peers[name].measure(n)
                except NotMeasured as e:
                    print(f"{name} ({of}) not measured: {e}", flush=True)
                    continue
                results.setdefault((name, of), []).append(measured)
                print(f"round {turn + 1}, {of}: {name} {measured[0]:.0f} points/s, {measured[1]:.1f} bytes/point", flush=True)
    return results


def report(results, versions, sizes):
    print(f"\n{'':8} {'version':>13} {'processes':>9} {'points each':>11} {'points/s':>10} {'smallest':>10} {'largest':>10} {'bytes/point':>11}")
    best = {}
    for (name, of), rounds in sorted(results.items(), key=lambda item: (item[0][1] != "one", item[0][0] != OURS)):
        rates = [r[0] for r in rounds]
        rate, space = statistics.median(rates), statistics.median(r[1] for r in rounds)
        points = MOST if name == OURS else sizes[name][of]
        print(f"{name:8} {versions[name]:>13} {PROCESSES[of]:9} {points:11} {rate:10.0f} {min(rates):10.0f} {max(rates):10.0f} {space:11.1f}")
        best[name, of] = rate, space
    peers = lambda of: [v for (name, o), v in best.items() if o == of and name != OURS]
    print()
    for line, of, value in [("log_points", "one", lambda mine, theirs: mine[0] / max(t[0] for t in theirs)),
                            ("log_points_4", "four", lambda mine, theirs: mine[0] / max(t[0] for t in theirs)),
                            ("log_bytes", "one", lambda mine, theirs: mine[1] / min(t[1] for t in theirs))]:
        if (OURS, of) in best and peers(of):
            print(f"ratio {line} {value(best[OURS, of], peers(of)):.3g}")
        else:
            print(f"skipped {line} no peer could be measured")


def harness(*args):
    program = os.path.join(ROOT, "bin", "harness")
    if not os.path.exists(program):
        sys.exit("there is no bin/harness: make build makes it")
    return json.loads(subprocess.run([program, *args], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)


def ours(of):
    case = harness("bench", "--only", f"^log/{of} ", "--rounds", "1", "--points", str(MOST), "--backend", "go", "--json")["cases"][0]
    return case["measures"][0]["median"], case["measures"][1]["median"]


def install(name, cache):
    """Returns the interpreter that has the peer, and the peer's version."""
    folder = os.path.join(cache, name)
    python = os.path.join(folder, "bin", "python")
    try:
        if not os.path.exists(python):
            venv.create(folder, with_pip=True)
        pip = [python, "-m", "pip", "--disable-pip-version-check", "-q"]
        run([*pip, "install", name], 900)
        return python, run([python, "-c", f"import importlib.metadata as m; print(m.version('{name}'))"], 60).strip()
    except (subprocess.CalledProcessError, OSError) as e:
        raise NotMeasured(f"it cannot be installed: {e}") from e


def run(command, seconds, env=None):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=env)
    except subprocess.TimeoutExpired as e:
        raise NotMeasured(f"it took longer than {seconds} s") from e
    if done.returncode != 0:
        raise NotMeasured((done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1])
    return done.stdout


class Peer:
    """A tracker, with an empty store of it and how many points it writes in a measurement."""

    def __init__(self, name, python, folder, seconds):
        self.name, self.python, self.empty = name, python, os.path.join(folder, "empty")
        os.makedirs(self.empty)
        run([python, os.path.join(HERE, "log_one.py"), name, self.empty, "prepare"], 300, environment(self.empty))
        with self.copy() as trial:
            self.write(trial, 1, 0)
            self.overhead = size(trial)  # of a run without points
        with self.copy() as trial:
            rate = TRIAL / self.write(trial, 1, TRIAL)
        self.points = {of: int(max(TRIAL, min(MOST, seconds * rate / n))) for of, n in PROCESSES.items()}

    @contextlib.contextmanager
    def copy(self):
        with tempfile.TemporaryDirectory() as folder:
            yield shutil.copytree(self.empty, os.path.join(folder, "store"))

    def measure(self, processes):
        """Returns points a second of all processes together, and bytes a point."""
        points = self.points[next(of for of, n in PROCESSES.items() if n == processes)]
        with self.copy() as folder:
            took = self.write(folder, processes, points)
            return processes * points / took, (size(folder) - processes * (self.overhead - size(self.empty)) - size(self.empty)) / (processes * points)

    def write(self, folder, processes, points):
        """Has processes write into a folder, beginning together; returns the seconds that the last of them took."""
        command = [self.python, os.path.join(HERE, "log_one.py"), self.name, folder, str(points)]
        return together(command, folder, processes)


def environment(folder):
    return dict(os.environ, HOME=folder, TRACKIO_DIR=folder, HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", WANDB_MODE="offline",
                WANDB_SILENT="true", MLFLOW_DISABLE_TELEMETRY="true", GRADIO_ANALYTICS_ENABLED="False", PYTHONDONTWRITEBYTECODE="1")


def together(command, folder, processes):
    """Has processes begin together; returns the seconds until the last of them is done."""
    env = environment(folder)
    with tempfile.TemporaryFile("w+") as complaints:
        started = [subprocess.Popen(command, env=env, cwd=folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints)
                   for _ in range(processes)]
        try:
            for p in started:
                expect(p, "ready", complaints)
            begun = time.perf_counter()
            for p in started:
                p.stdin.write("go\n")
                p.stdin.flush()
            for p in started:
                expect(p, "done", complaints)
            took = time.perf_counter() - begun
            for p in started:
                p.stdin.close()
                p.wait(60)
        finally:
            for p in started:
                if p.poll() is None:
                    p.kill()
                    p.wait()
    return took


def expect(process, word, complaints):
    for line in process.stdout:
        if line.strip() == word:
            return
    process.wait()
    complaints.seek(0)
    raise NotMeasured((complaints.read().strip().splitlines() or [f"it ended without being {word}"])[-1])


def size(folder):
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names
               if not os.path.islink(os.path.join(at, name)))


if __name__ == "__main__":
    main()
