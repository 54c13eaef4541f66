"""The tutorial's network in PyTorch and diffusers, doing steps as standard input asks for them.

"train BATCH" makes a training step, "sample STEPS" draws 44 images with guidance 4; the answer is "done SECONDS". With
--compile the network goes through torch.compile; with --device cuda all is on the GPU.
"""
import argparse
import sys
import time

import torch
from diffusers import UNet2DModel

CLASSES, EMBEDDING, ROWS, GUIDANCE = 11, 8, 4, 4.0


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.class_emb = torch.nn.Embedding(CLASSES, EMBEDDING)
        self.model = UNet2DModel(
            sample_size=28, in_channels=1 + EMBEDDING, out_channels=1, layers_per_block=2,
            block_out_channels=(32, 64, 64),
            down_block_types=("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"))

    def forward(self, x, t, labels):
        b, _, h, w = x.shape
        channels = self.class_emb(labels).view(b, EMBEDDING, 1, 1).expand(b, EMBEDDING, h, w)
        return self.model(torch.cat((x, channels), 1), t).sample


def train(net, optimizer, images, batch):
    net.train()
    device = images.device
    x1 = images[torch.randint(0, len(images), (batch,), device=device)]
    x0 = torch.randn_like(x1)
    tau = torch.randint(0, 1000, (batch,), device=device)
    labels = torch.randint(0, CLASSES, (batch,), device=device)
    t = (tau / 1000).view(batch, 1, 1, 1)
    prediction = net(t * x1 + (1 - t) * x0, tau, labels)
    loss = torch.nn.functional.mse_loss(prediction, x1 - x0)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@torch.no_grad()
def sample(net, steps, device):
    net.eval()
    labels = torch.arange(CLASSES, device=device).repeat(ROWS)
    n = len(labels)
    x = torch.randn(n, 1, 28, 28, device=device)
    both = torch.cat((torch.zeros_like(labels), labels))
    for i in range(steps):
        u, c = net(torch.cat((x, x)), torch.full((2 * n,), 1000 * i // steps, device=device), both).chunk(2)
        x = x + (u + GUIDANCE * (c - u)) / steps
    return x.sum().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compile", action="store_true", help="torch.compile the network")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="default: %(default)s")
    parser.add_argument("--precision", default="default", choices=["default", "float32", "tf32", "bfloat16"],
                        help="default: PyTorch's own, which on a GPU is TF32 in convolutions alone")
    args = parser.parse_args()
    torch.manual_seed(0)
    if args.precision in ("float32", "tf32"):
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = args.precision == "tf32"
    net = Net().to(args.device)
    if args.compile:
        net = torch.compile(net)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    images = (torch.rand(1024, 1, 28, 28) * 2 - 1).to(args.device)
    lower = torch.autocast(args.device, torch.bfloat16, enabled=args.precision == "bfloat16")
    print("ready", flush=True)
    for line in sys.stdin:
        what, n = line.split()
        start = time.perf_counter()
        with lower:
            if what == "train":
                train(net, optimizer, images, int(n))
            elif what == "sample":
                sample(net, int(n), args.device)
            else:
                sys.exit(f"asked to {what!r}")
        print(f"done {time.perf_counter() - start:.6f}", flush=True)


main()
