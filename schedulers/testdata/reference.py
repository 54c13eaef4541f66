"""Writes reference.json beside it: what diffusers' samplers of flows, and its DDPM with zero terminal SNR, do call by call.

  pip install diffusers==0.42.1 torch==2.15.0 && python reference.py

The model's outputs are random numbers, so that a mistake in any coefficient shows.
"""
import json
import pathlib

import diffusers
import torch

CASES = []


def case(name, scheduler, config, steps):
    generator = torch.Generator().manual_seed(len(CASES))
    made = getattr(diffusers, scheduler)(**config)
    made.set_timesteps(steps)
    start = sample = torch.randn(2, 3, generator=generator)
    outputs, samples, noises = [], [], []
    for t in made.timesteps:
        output = torch.randn(2, 3, generator=generator)
        # The noise that step() draws is the generator's next.
        state = generator.get_state()
        noises.append(torch.randn(2, 3, generator=generator).flatten().tolist())
        generator.set_state(state)
        options = {"generator": generator} if scheduler.startswith("DD") else {}
        sample = made.step(output, t, sample, **options).prev_sample
        outputs.append(output.flatten().tolist())
        samples.append(sample.flatten().tolist())
    got = {"name": name, "shape": [2, 3], "scheduler": scheduler, "config": config, "num_inference_steps": steps, "step_kwargs": {},
           "timesteps": made.timesteps.tolist(), "start": start.flatten().tolist(), "model_outputs": outputs, "step_noise": noises,
           "samples": samples}
    if "zero_snr" not in name:
        got["sigmas"] = made.sigmas.tolist()
    CASES.append(got)


FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
for steps in (1, 4, 10):
    case(f"euler_karras_n{steps}", "FlowMatchEulerDiscreteScheduler", {"use_karras_sigmas": True}, steps)
    for shift in (1.0, 3.0):
        case(f"dpmpp_2m_shift{shift}_n{steps}", "DPMSolverMultistepScheduler", FLOW | {"flow_shift": shift}, steps)
        for order in (2, 3):
            case(f"unipc_{order}_shift{shift}_n{steps}", "UniPCMultistepScheduler", FLOW | {"flow_shift": shift, "solver_order": order}, steps)
for steps in (4, 10):
    for schedule in ("linear", "scaled_linear"):
        zero = {"beta_schedule": schedule, "rescale_betas_zero_snr": True, "timestep_spacing": "trailing", "prediction_type": "v_prediction"}
        case(f"ddim_zero_snr_{schedule}_n{steps}", "DDIMScheduler", zero, steps)
        case(f"dpmpp_2m_zero_snr_{schedule}_n{steps}", "DPMSolverMultistepScheduler", zero, steps)
        case(f"ddpm_zero_snr_{schedule}_n{steps}", "DDPMScheduler", zero, steps)

FORWARD = []
for schedule in ("linear", "scaled_linear", "squaredcos_cap_v2"):
    ddpm = diffusers.DDPMScheduler(beta_schedule=schedule, rescale_betas_zero_snr=True)
    generator = torch.Generator().manual_seed(7)
    timesteps = torch.tensor([0, 1, 250, 500, 998, 999])
    data, noise = torch.randn(6, 2, generator=generator), torch.randn(6, 2, generator=generator)
    at = [0, 1, 250, 500, 900, 998, 999]
    FORWARD.append({
        "scheduler": "DDPMScheduler", "convention": "rescale_betas_zero_snr", "beta_schedule": schedule, "beta_start": 0.0001, "beta_end": 0.02,
        "shape": [6, 2], "sample": data.flatten().tolist(), "noise": noise.flatten().tolist(), "timesteps": timesteps.tolist(),
        "noisy": ddpm.add_noise(data, noise, timesteps).flatten().tolist(),
        "velocity": ddpm.get_velocity(data, noise, timesteps).flatten().tolist(),
        "alphas_cumprod": ddpm.alphas_cumprod[at].tolist(), "alphas_cumprod_at": at})

source = f"diffusers {diffusers.__version__}, torch {torch.__version__}, float32"
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({"source": source, "cases": CASES, "forward": FORWARD}) + "\n")
