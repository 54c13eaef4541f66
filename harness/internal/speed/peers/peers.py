"""Runs every comparison with other programs that is here, and prints what machines read at the end.

    python3 harness/internal/speed/peers/peers.py

torch and diffusers are taken from the Python that runs this, if it has them; otherwise they are installed by pip into
an environment of their own. Needs: Python 3.9 with venv, the network for pip, and bin/harness (make build).
"""
import argparse
import os
import subprocess
import sys
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "harness-peers")


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    last, failed = {}, []
    # What prints lines "ratio NAME VALUE" or "skipped NAME REASON".
    for python, part in [(with_torch(), "compare.py"), (sys.executable, "log_peers.py")]:
        with subprocess.Popen([python, os.path.join(HERE, part)], text=True, stdout=subprocess.PIPE) as process:
            for line in process.stdout:
                words = line.split()
                if len(words) >= 3 and words[0] in ("ratio", "skipped"):
                    last[words[1]] = line
                else:
                    print(line, end="", flush=True)
        if process.returncode != 0:
            failed.append(part)
    print("".join(last.values()), end="")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def with_torch():
    """Returns an interpreter that has torch and diffusers."""
    own = os.path.join(CACHE, "torch", "bin", "python")
    for python in (sys.executable, own):
        if os.path.exists(python) and subprocess.run([python, "-c", "import torch, diffusers"], capture_output=True).returncode == 0:
            return python
    print("installing torch and diffusers", flush=True)
    venv.create(os.path.join(CACHE, "torch"), with_pip=True)
    subprocess.run([own, "-m", "pip", "--disable-pip-version-check", "-q", "install", "torch", "diffusers"], check=True)
    return own


if __name__ == "__main__":
    main()
