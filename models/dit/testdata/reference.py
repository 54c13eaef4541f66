"""Writes reference.safetensors beside it: output and gradient of diffusers' DiT, for weights and inputs that are given by formulas.

  pip install diffusers==0.42.1 torch==2.15.0 && python reference.py

diffusers' model differs from the authors' in the frequencies of the timestep's sines (divided by one less than their number), which
are set to the authors' here, and in that each block has an embedding of its own, which here all share. The names are the authors'.
"""
import json
import pathlib

import torch
from diffusers import DiTTransformer2DModel
from diffusers.models.embeddings import Timesteps
from safetensors.torch import save_file

SIZE, PATCH, CHANNELS, HEADS, WIDTH, DEPTH, CLASSES = 6, 2, 2, 2, 4, 2, 3
TIMESTEPS = torch.tensor([0.0, 17.5, 999.0])
CLASS_OF = [CLASSES, 0, 2]  # in the harness labels 0 (no class), 1 and 3

torch.set_default_dtype(torch.float64)
model = DiTTransformer2DModel(num_attention_heads=HEADS, attention_head_dim=WIDTH, in_channels=CHANNELS, num_layers=DEPTH,
                              sample_size=SIZE, patch_size=PATCH, num_embeds_ada_norm=CLASSES, norm_eps=1e-6).eval()
embedding = model.transformer_blocks[0].norm1.emb
embedding.time_proj = Timesteps(256, flip_sin_to_cos=True, downscale_freq_shift=0)
for block in model.transformer_blocks:
    block.norm1.emb = embedding

names = {
    "x_embedder.proj": ["pos_embed.proj"], "t_embedder.mlp.0": ["transformer_blocks.0.norm1.emb.timestep_embedder.linear_1"],
    "t_embedder.mlp.2": ["transformer_blocks.0.norm1.emb.timestep_embedder.linear_2"],
    "y_embedder.embedding_table": ["transformer_blocks.0.norm1.emb.class_embedder.embedding_table"],
    "final_layer.adaLN_modulation.1": ["proj_out_1"], "final_layer.linear": ["proj_out_2"],
}
for i in range(DEPTH):
    theirs = f"transformer_blocks.{i}."
    names |= {
        f"blocks.{i}.attn.qkv": [theirs + f"attn1.to_{x}" for x in "qkv"], f"blocks.{i}.attn.proj": [theirs + "attn1.to_out.0"],
        f"blocks.{i}.mlp.fc1": [theirs + "ff.net.0.proj"], f"blocks.{i}.mlp.fc2": [theirs + "ff.net.2"],
        f"blocks.{i}.adaLN_modulation.1": [theirs + "norm1.linear"],
    }
of_parameter = {}  # the authors' names of parameters, and those of diffusers that are joined in them
for ours, theirs in names.items():
    for kind in ["weight", "bias"]:
        if hasattr(model.get_submodule(theirs[0]), kind):
            of_parameter[f"{ours}.{kind}"] = [model.get_submodule(t).get_parameter(kind) for t in theirs]
assert sum(p.numel() for ps in of_parameter.values() for p in ps) == sum(p.numel() for p in model.parameters())

with torch.no_grad():
    for k, name in enumerate(sorted(of_parameter)):
        parameters = of_parameter[name]
        size = sum(p.numel() for p in parameters)
        values = 0.3 * torch.sin(0.7 * torch.arange(size) + 1.3 * k)
        for p, part in zip(parameters, values.float().double().chunk(len(parameters))):
            p.copy_(part.reshape(p.shape))

x = torch.cos(0.3 * torch.arange(3 * SIZE * SIZE * CHANNELS)).float().double().reshape(3, SIZE, SIZE, CHANNELS)
output = model(x.permute(0, 3, 1, 2), timestep=TIMESTEPS, class_labels=torch.tensor(CLASS_OF)).sample.permute(0, 2, 3, 1)
loss = output.square().mean()
loss.backward()

values = {"output": output, "loss": loss.reshape(1), "pos_embed": model.pos_embed.pos_embed}
values |= {"grad." + name: torch.cat([p.grad for p in ps]) for name, ps in of_parameter.items()}
options = {"patch_size": PATCH, "hidden_size": HEADS * WIDTH, "depth": DEPTH, "num_heads": HEADS}
save_file({k: v.detach().float().contiguous() for k, v in values.items()}, pathlib.Path(__file__).parent / "reference.safetensors",
          {"options": json.dumps(options)})
