"""Output and gradient of the MLP, in float64 with numpy, for weights and inputs that are given by formulas.

    python3 reference.py > reference.json

The derivatives are taken by complex steps: the imaginary part of f(x + ih)/h, exact to the last bits.
"""
import json

import numpy as np

WIDTH, DEPTH, TIME, CLASS = 6, 2, 4, 2
HEIGHT, WIDE, CHANNELS = 1, 3, 2
VALUES = HEIGHT * WIDE * CHANNELS
TIMESTEPS, LABELS = np.array([0.0, 17.5, 999.0]), np.array([0, 3, 10])

SHAPES = {
    "linear_in.weight": (WIDTH, VALUES), "linear_in.bias": (WIDTH,),
    "linear_emb.weight": (WIDTH, TIME + CLASS), "linear_emb.bias": (WIDTH,),
    "layers.0.weight": (WIDTH, WIDTH), "layers.0.bias": (WIDTH,),
    "layers.1.weight": (WIDTH, WIDTH), "layers.1.bias": (WIDTH,),
    "linear_out.weight": (VALUES, WIDTH), "linear_out.bias": (VALUES,),
}


def sines(x, dim):
    frequencies = np.exp(-np.log(10000.0) * np.arange(dim // 2) / (dim // 2))
    angles = x[:, None] * frequencies[None]
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1)


def silu(x):
    return x / (1 + np.exp(-x))


def linear(p, name, x):
    return x @ p[name + ".weight"].T + p[name + ".bias"]


def forward(p, x):
    known = np.concatenate([sines(TIMESTEPS, TIME), sines(LABELS.astype(float), CLASS)], axis=1)
    h = linear(p, "linear_in", x) + linear(p, "linear_emb", known)
    for i in range(DEPTH):
        h = h + linear(p, f"layers.{i}", silu(h))
    return linear(p, "linear_out", silu(h))


def weights():
    p = {}
    for k, name in enumerate(sorted(SHAPES)):
        size = int(np.prod(SHAPES[name]))
        p[name] = (0.5 * np.sin(0.7 * np.arange(size) + 1.3 * k)).reshape(SHAPES[name])
    return p


def main():
    p = weights()
    x = np.cos(0.3 * np.arange(3 * VALUES)).reshape(3, VALUES)

    def loss(p):
        return np.mean(forward(p, x) ** 2)

    gradient = {}
    for name, value in p.items():
        g = np.zeros(value.size)
        for i in range(value.size):
            shifted = {k: v.astype(complex) for k, v in p.items()}
            shifted[name].reshape(-1)[i] += 1e-30j
            g[i] = loss(shifted).imag / 1e-30
        gradient[name] = [float(v) for v in g]
    print(json.dumps({
        "width": WIDTH, "depth": DEPTH, "time_embed_dim": TIME, "class_embed_dim": CLASS,
        "output": [float(v) for v in forward(p, x).reshape(-1)], "loss": float(loss(p)), "gradient": gradient,
    }, indent=1))


if __name__ == "__main__":
    main()
