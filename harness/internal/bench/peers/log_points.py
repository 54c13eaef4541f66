"""The seconds that a point costs in trackio, the fastest of the loggers that were measured: "seconds_per_point X"."""
import os
import sys
import tempfile
import time

POINTS = 20_000

os.environ["TRACKIO_DIR"] = tempfile.mkdtemp()
try:
    import trackio
except ImportError:
    sys.exit("trackio is not installed: pip install trackio")

trackio.init(project="bench")
start = time.perf_counter()
for step in range(POINTS):
    trackio.log({"loss": 0.25})
trackio.finish()
print(f"seconds_per_point {(time.perf_counter() - start) / POINTS:.9f}")
