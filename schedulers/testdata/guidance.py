"""Writes guidance.json beside it: how diffusers' guiders combine predictions.

  pip install diffusers==0.42.1 torch==2.15.0 && python guidance.py
"""
import json
import pathlib

import diffusers
import torch
from diffusers.guiders import ClassifierFreeGuidance, ClassifierFreeZeroStarGuidance

generator = torch.Generator().manual_seed(5)
uncond, cond = torch.randn(2, 3, 2, 1, generator=generator), torch.randn(2, 3, 2, 1, generator=generator) + 0.5
cases = []
for method, guider in (("cfg", ClassifierFreeGuidance), ("cfg_zero_star", ClassifierFreeZeroStarGuidance)):
    for scale in (2.0, 4.0, 0.5):
        for rescale in (0.0, 0.7, 1.0):
            made = guider(guidance_scale=scale, guidance_rescale=rescale)
            made.set_state(step=5, num_inference_steps=10, timestep=torch.tensor(500))
            guided = made.forward(cond, uncond).pred
            cases.append({"method": method, "scale": scale, "rescale": rescale, "guided": guided.flatten().tolist()})

path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({"source": f"diffusers {diffusers.__version__}, torch {torch.__version__}", "shape": list(cond.shape),
                            "uncond": uncond.flatten().tolist(), "cond": cond.flatten().tolist(), "cases": cases}) + "\n")
