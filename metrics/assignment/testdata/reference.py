"""Writes reference.json: the costs that scipy's linear_sum_assignment finds.

The matrices follow from formulas, so that they need not be kept. Run it in an
environment with scipy: python reference.py > reference.json
"""

import json

import numpy as np
import scipy
from scipy.optimize import linear_sum_assignment


def noise(n, seed):
    """Numbers in [0, 1) that look random: the fractional part of a large sine."""
    i = np.arange(1, n + 1, dtype=np.float64)
    return np.modf(np.abs(np.sin(i * 12.9898 + seed * 78.233)) * 43758.5453)[0]


def matrix(kind, n, seed):
    if kind == "uniform":
        return noise(n * n, seed).reshape(n, n)
    if kind == "integers":  # many equal costs
        return np.floor(noise(n * n, seed) * 5).reshape(n, n)
    x, y = noise(2 * n, seed).reshape(n, 2), noise(2 * n, seed + 1).reshape(n, 2) + 0.5
    return ((x[:, None] - y[None]) ** 2).sum(-1)


cases = []
for kind in ["uniform", "integers", "points"]:
    for n in [1, 2, 3, 10, 64, 256]:
        cost = matrix(kind, n, n)
        rows, columns = linear_sum_assignment(cost)
        cases.append({"kind": kind, "n": n, "seed": n, "total": cost[rows, columns].sum()})
print(json.dumps({"scipy": scipy.__version__, "cases": cases}, indent=1))
