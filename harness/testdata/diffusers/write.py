"""Writes the folder unet beside it: a small UNet2DModel and its scheduler as diffusers saves them, with the weights of a seed.

  pip install diffusers==0.42.1 torch==2.15.0 && python write.py
"""
import pathlib

import torch
from diffusers import DDPMScheduler, UNet2DModel

torch.manual_seed(0)
folder = pathlib.Path(__file__).parent / "unet"
model = UNet2DModel(sample_size=28, in_channels=1, out_channels=1, block_out_channels=(4, 8), layers_per_block=1,
                    down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
                    norm_num_groups=2, attention_head_dim=4, num_class_embeds=11, resnet_time_scale_shift="scale_shift")
model.save_pretrained(folder)
DDPMScheduler(beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction").save_pretrained(folder)
