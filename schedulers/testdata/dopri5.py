"""Writes dopri5.json beside it: scipy's RK45 on the velocity field of Gaussian data, where it ends and how many evaluations it takes.

  pip install scipy==1.17.1 && python dopri5.py
"""
import json
import pathlib

import scipy
from scipy.integrate import solve_ivp

MEAN, STD = 0.6, 0.25
START = [0.5, -0.25, 1.5, -2.0]


def velocity(t, x):
    return MEAN + (t * STD**2 - (1 - t)) / (t**2 * STD**2 + (1 - t) ** 2) * (x - t * MEAN)


cases = []
for rtol, atol in ((1e-2, 1e-2), (1e-3, 1e-4), (1e-4, 1e-4), (5e-3, 1e-3)):
    solved = solve_ivp(velocity, (0, 1), START, method="RK45", rtol=rtol, atol=atol)
    cases.append({"rtol": rtol, "atol": atol, "end": solved.y[:, -1].tolist(), "evaluations": solved.nfev})

path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({"source": f"scipy {scipy.__version__}", "start": START, "cases": cases}, indent=1) + "\n")
