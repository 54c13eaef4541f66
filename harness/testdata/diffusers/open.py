"""Opens a folder that the harness has exported, and prints its model's output for a formula: python open.py FOLDER CLASS."""
import sys

import torch
from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler, UNet2DModel
from safetensors.torch import load_file

folder, label = sys.argv[1], int(sys.argv[2])
model, unused = UNet2DModel.from_pretrained(folder, output_loading_info=True)
assert not any(unused.values()), unused
config = UNet2DModel.load_config(folder)
size = config["sample_size"]
x = torch.cos(0.3 * torch.arange(size * size)).reshape(1, 1, size, size)
try:
    table = load_file(folder + "/class_embedding.safetensors")["class_emb.weight"]
    x = torch.cat([x, table[label].reshape(1, -1, 1, 1).expand(1, -1, size, size)], dim=1)
    labels = None
except FileNotFoundError:
    labels = torch.tensor([label]) if model.class_embedding is not None else None
for scheduler in [FlowMatchEulerDiscreteScheduler, DDPMScheduler]:
    if scheduler.load_config(folder)["_class_name"] == scheduler.__name__:
        scheduler.from_pretrained(folder).set_timesteps(4)
with torch.no_grad():
    print(*model(x, torch.tensor([500.0]), class_labels=labels).sample.flatten().tolist())
