"""Writes *.safetensors beside it: output and gradient of diffusers' UNet2DModel, for weights and inputs that are given by formulas.

  pip install diffusers==0.42.1 torch==2.15.0 && python reference.py

Each file is a small network whose time embedding is used, or whose class is embedded, in another way than the tutorial's. The
options are in the file's metadata, by the keys that diffusers and configs of the harness share.
"""
import json
import pathlib

import torch
from diffusers import UNet2DModel
from safetensors.torch import save_file

SIZE, CHANNELS, CLASSES = 4, 2, 3
OPTIONS = {"sample_size": SIZE, "in_channels": CHANNELS, "out_channels": CHANNELS, "block_out_channels": [4, 8], "layers_per_block": 1,
           "down_block_types": ["DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
           "norm_num_groups": 2, "norm_eps": 1e-5, "attention_head_dim": 4}
VARIANTS = {
    "scale_shift": {"resnet_time_scale_shift": "scale_shift", "num_class_embeds": CLASSES + 1},
    "timestep": {"class_embed_type": "timestep"},
    "unconditional": {"resnet_time_scale_shift": "scale_shift"},
}


def weights(parameters):
    """Sets sines of the rank of a name among the sorted names and of the index, as the shape of the parameter asks for."""
    for k, name in enumerate(sorted(parameters)):
        p = parameters[name]
        s = torch.sin(0.7 * torch.arange(p.numel()) + 1.3 * k)
        if p.dim() > 1:
            values = s * (2 / (p.numel() / p.shape[0])) ** 0.5
        elif "norm" in name and name.endswith("weight"):
            values = 1 + 0.1 * s
        else:
            values = 0.05 * s
        p.copy_(values.float().double().reshape(p.shape))


torch.set_default_dtype(torch.float64)
x = torch.cos(0.3 * torch.arange(3 * SIZE * SIZE * CHANNELS)).float().double().reshape(3, SIZE, SIZE, CHANNELS)
for variant, options in VARIANTS.items():
    model = UNet2DModel(**OPTIONS, **options).eval()
    model.time_proj.register_forward_hook(lambda module, inputs, sines: sines.double())
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        weights(parameters)
    labels = torch.tensor([0, 1, 3]) if len(options) > 1 or "class_embed_type" in options else None
    output = model(x.permute(0, 3, 1, 2), torch.tensor([0.0, 17.5, 999.0]), class_labels=labels).sample.permute(0, 2, 3, 1)
    loss = output.square().mean()
    loss.backward()
    values = {"output": output, "loss": loss.reshape(1)} | {"grad.model." + name: p.grad for name, p in parameters.items()}
    save_file({k: v.detach().float().contiguous() for k, v in values.items()}, pathlib.Path(__file__).parent / f"{variant}.safetensors",
              {"options": json.dumps(OPTIONS | options)})
