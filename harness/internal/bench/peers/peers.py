"""Runs every comparison with other programs that is here, and prints what machines read at the end.

    python3 harness/internal/bench/peers/peers.py
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# What prints lines "ratio NAME VALUE" or "skipped NAME REASON"; of two lines of one name the later counts.
PARTS = ["compare.py", "log_peers.py"]


def main():
    last, failed = {}, []
    for part in PARTS:
        path = os.path.join(HERE, part)
        if not os.path.exists(path):
            continue
        with subprocess.Popen([sys.executable, path], text=True, stdout=subprocess.PIPE) as process:
            for line in process.stdout:
                words = line.split()
                if len(words) >= 3 and words[0] in ("ratio", "skipped"):
                    last.pop(words[1], None)
                    last[words[1]] = line
                else:
                    print(line, end="", flush=True)
        if process.returncode != 0:
            failed.append(part)
    print("".join(last.values()), end="")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
