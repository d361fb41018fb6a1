"""Trains one GAN package on a folder of pictures for some seconds, and writes what it draws then.

    PEERS/bin/python bench/peers/gan_adapter.py PEER --data FOLDER --size 64 --seconds 300 --seed 0 --out FOLDER

PEER is pro-gan-pth, lightweight-gan or stylegan2-pytorch, in an environment of their own without
torchvision (bench/gan_peers.py says how to make it). This file is also the protocol of that bench:
whatever takes --data, --size, --seconds, --seed, --threads, --count and --out, and leaves in --out

    samples.npy     uint8 (count, size, size, 3)
    told.json       images (real pictures that the discriminator has learned from), wall_s, cpu_s,
                    images_per_s (at the full size), drawn_per_s, peak_mb, settings

can be measured beside them. Seconds are of the clock on the wall (--cpu: CPU seconds divided by threads, for a trial on
a busy machine); importing, building networks and drawing samples do not count.

Every package trains with its own defaults. Where the defaults of its Python class and of its command differ, those
of the command. Changed at run time, and only this:

  all                torchvision is bench/peers/shim; pictures are read in the training process (num_workers 0),
                     so that all work is counted; nothing is drawn or saved while the clock runs, but
                     the checkpoints that a package writes at steps 0, 1000, ...
  pro-gan-pth        its own optimize_discriminator and optimize_generator are called by the loop below, as its
                     train() calls them, because that counts in whole epochs (42 a stage by default, hours
                     here): every stage gets as many pictures as the others, as by default, the time
                     is divided by what a picture of a stage costs, half of each stage fades in. Adam's first beta
                     is 0.0, as this torch refuses the 0 that train() gives; its transposed convolution tells
                     torch its two dimensions, as it must since torch 1.11. tensorboard is not written.
  lightweight-gan,   torch.cuda.is_available answers yes while the package is imported (it asserts that), .cuda()
  stylegan2-pytorch  leaves tensors and modules where they are, torch.device("cuda:0") is the CPU; the experiment
                     tracker `aim` is an empty module. Both start averaging the generator's weights only after
                     20,000 steps; before, the generator itself draws. StyleGAN2 draws as its command does, truncated
                     at 0.75 (--psi 1 for not).
"""

import argparse
import contextlib
import json
import math
import random
import resource
import sys
import time
import types
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "shim"))

import numpy as np
import torch
from torch import nn


class Clock:
    """Seconds since the training began."""

    def __init__(self, seconds, threads, by_cpu):
        self.seconds, self._threads, self._by_cpu = seconds, threads, by_cpu
        self.start()

    def start(self):
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def cpu(self):
        return time.process_time() - self._cpu

    def wall(self):
        return time.perf_counter() - self._wall

    def spent(self):
        return self.cpu() / self._threads if self._by_cpu else self.wall()

    def goes_on(self):
        return self.spent() < self.seconds


# ---- pro-gan-pth -----------------------------------------------------------------------------


def pro_gan_pth(args, clock):
    sys.modules.setdefault("torch.utils.tensorboard", types.SimpleNamespace(SummaryWriter=None))
    from pro_gan_pytorch import networks
    from pro_gan_pytorch.custom_layers import EqualizedConvTranspose2d, update_average
    from pro_gan_pytorch.data_tools import ImageDirectoryDataset, get_data_loader, get_transform
    from pro_gan_pytorch.gan import ProGAN
    from pro_gan_pytorch.losses import WganGP
    from pro_gan_pytorch.utils import post_process_generated_images

    ours = nn.ConvTranspose2d._output_padding  # it calls this as torch 1.10 had it
    EqualizedConvTranspose2d._output_padding = lambda self, x, out, stride, pad, kernel, *rest: (
        ours(self, x, out, stride, pad, kernel, 2, *rest)
    )
    if args.channels:  # for a comparison at equal widths; its default is 512 at the most
        defaults = list(networks.nf.__defaults__)
        networks.nf.__defaults__ = (16 * args.channels, *defaults[1:3], args.channels)
    depth = int(math.log2(args.size))
    batches = [32, 32, 32, 32, 16, 16, 8, 4, 2][: depth - 1]  # of its command
    if args.batch:
        batches = [min(args.batch, b) for b in batches]
    rate, betas, repeats, latent = 0.003, (0.0, 0.99), 4, 512

    def built():
        with contextlib.redirect_stdout(None):
            made = ProGAN(
                networks.Generator(depth, 3, latent, use_eql=True),
                networks.Discriminator(depth, 3, latent, use_eql=True),
                torch.device("cpu"),
            )
        opts = [
            torch.optim.Adam(net.parameters(), lr=rate, betas=betas, eps=1e-8)
            for net in (made.gen, made.dis)
        ]
        made._toggle_all_networks("train")
        return made, *opts

    loss = WganGP()
    data = ImageDirectoryDataset(
        Path(args.data), get_transform((args.size, args.size), flip_horizontal=True), rec_dir=True
    )

    def step(gan, gen_opt, dis_opt, noise, images, at, alpha):
        critic = gan.optimize_discriminator(loss, dis_opt, noise, images, at, alpha)
        update_average(gan.gen_shadow, gan.gen, beta=gan.ema_beta)
        generator = gan.optimize_generator(loss, gen_opt, noise, images, at, alpha)
        return round(critic, 4), round(generator, 4)

    # What a picture of each stage costs, on networks that are thrown away.
    few = next(iter(get_data_loader(data, 4, 0)))
    costs = []
    trial = built()
    for at in range(2, depth + 1):
        began = time.process_time()
        step(*trial, torch.randn(len(few), latent), few, at, 0.5)
        costs.append(time.process_time() - began)
    del trial
    gan, gen_opt, dis_opt = built()
    shares = np.cumsum(costs) / sum(costs)
    clock.start()
    images, rates, losses = 0, {}, []
    for at, until in zip(range(2, depth + 1), shares, strict=True):
        begin, stop = clock.spent(), until * clock.seconds
        seen, loader = 0, iter(())
        while clock.spent() < stop:
            batch = next(loader, None)
            if batch is None:
                loader = iter(get_data_loader(data, batches[at - 2], 0))
                batch = next(loader)
            alpha = min(1.0, 2 * (clock.spent() - begin) / max(1e-9, stop - begin))
            noise = torch.randn(len(batch), latent)
            for _ in range(repeats):
                losses.append(step(gan, gen_opt, dis_opt, noise, batch, at, alpha))
                seen += len(batch)
                if clock.spent() >= stop:
                    break
        rates[2**at] = round(seen / max(1e-9, clock.spent() - begin), 3)
        images += seen
    told = {
        "images": images,
        "images_per_s": rates[args.size],
        "images_per_s_by_size": rates,
        "losses": some(losses),
        "overflows": gan.gen_overflow_count + gan.dis_overflow_count,
        "settings": {"batches": batches, "batch_repeats": repeats, "rate": rate, "latent": latent},
        "parameters": parameters(gan.gen, gan.dis),
    }

    def draw(count):
        gan.gen_shadow.eval()
        return post_process_generated_images(gan.gen_shadow(torch.randn(count, latent), depth, 1.0))

    return told, draw


# ---- lightweight-gan and stylegan2-pytorch ---------------------------------------------------


class OnCpu:
    """torch, whose CUDA devices are the CPU."""

    def __getattr__(self, name):
        return getattr(torch, name)

    @staticmethod
    def device(*_):
        return torch.device("cpu")


@contextlib.contextmanager
def pretending():
    """CUDA is said to be there while a package is imported."""
    real = torch.cuda.is_available
    torch.cuda.is_available = lambda: True
    try:
        yield
    finally:
        torch.cuda.is_available = real


def without_cuda():
    torch.Tensor.cuda = lambda self, *_, **__: self
    nn.Module.cuda = lambda self, *_, **__: self
    sys.modules["aim"] = types.ModuleType("aim")


def begun(trainer, package, args, clock, pictures):
    """Both of lucidrains' trainers, from nothing on the bench's pictures, `pictures` of them a step."""
    trainer.clear()
    trainer.set_data_src(args.data)
    trainer.init_GAN()
    return steps(trainer, package.NanException, clock, pictures)


def lightweight_gan(args, clock):
    without_cuda()
    with pretending():
        import lightweight_gan.lightweight_gan as package
    package.torch = OnCpu()
    batch, every = args.batch or 10, args.accumulate or 4
    trainer = package.Trainer(
        name="bench",
        base_dir=args.out,
        image_size=args.size,
        batch_size=batch,
        gradient_accumulate_every=every,
        attn_res_layers=[32],
        disc_output_size=1,
        aug_types=["cutout", "translation"],
        num_workers=0,
        use_aim=False,
    )
    told = begun(trainer, package, args, clock, batch * every)
    told["settings"] = {"batch": batch, "gradient_accumulate_every": every, "aug": trainer.aug_prob}
    told["parameters"] = parameters(trainer.GAN.G, trainer.GAN.D)

    def draw(count):
        trainer.GAN.eval()
        network = trainer.GAN.GE if trainer.steps > 20000 else trainer.GAN.G
        return as_bytes(trainer.generate_(network, torch.randn(count, trainer.GAN.latent_dim)))

    return told, draw


def stylegan2_pytorch(args, clock):
    without_cuda()
    with pretending():
        import stylegan2_pytorch.stylegan2_pytorch as package
    batch, every = args.batch or 5, args.accumulate or 6
    trainer = package.Trainer(
        name="bench",
        base_dir=args.out,
        image_size=args.size,
        batch_size=batch,
        gradient_accumulate_every=every,
        ttur_mult=1.5,
        trunc_psi=0.75,
        num_workers=0,
    )
    told = begun(trainer, package, args, clock, batch * every)
    told["settings"] = {"batch": batch, "gradient_accumulate_every": every, "psi": args.psi}
    told["parameters"] = parameters([trainer.GAN.S, trainer.GAN.G], trainer.GAN.D)

    def draw(count):
        trainer.GAN.eval()
        gan = trainer.GAN
        averaged = trainer.steps > 20000
        style, synthesis = (gan.SE, gan.GE) if averaged else (gan.S, gan.G)
        latents = package.noise_list(count, gan.G.num_layers, gan.G.latent_dim, device="cpu")
        noise = package.image_noise(count, args.size, device="cpu")
        return as_bytes(trainer.generate_truncated(style, synthesis, latents, noise, args.psi))

    return told, draw


def steps(trainer, broken, clock, images_a_step):
    """The trainer's own steps until the time is up; not-a-number is tried again, as its command does."""
    trainer.evaluate = lambda *_, **__: None  # would draw sheets of pictures while the clock runs
    done, failed, losses = 0, 0, []
    clock.start()
    while clock.goes_on():
        try:
            trainer.train()
            done += 1
            losses.append((round(float(trainer.d_loss), 4), round(float(trainer.g_loss), 4)))
        except broken:
            failed += 1
            if failed > 3:
                raise
    return {
        "images": done * images_a_step,
        "images_per_s": round(done * images_a_step / clock.spent(), 3),
        "steps": done,
        "losses": some(losses),
        "not_a_number": failed,
    }


# ---- what all share --------------------------------------------------------------------------


def parameters(generator, discriminator):
    def count(networks):
        networks = networks if isinstance(networks, list) else [networks]
        return sum(p.numel() for network in networks for p in network.parameters())

    return {"generator": count(generator), "discriminator": count(discriminator)}


def some(losses):
    """At most 200 of them, evenly: (discriminator, generator)."""
    return losses[:: max(1, math.ceil(len(losses) / 200))]


def as_bytes(pictures):
    """uint8 NHWC of (N, 3, H, W) in 0..1."""
    return (pictures.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


PEERS = {
    "pro-gan-pth": pro_gan_pth,
    "lightweight-gan": lightweight_gan,
    "stylegan2-pytorch": stylegan2_pytorch,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--data", required=True)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--cpu", action="store_true", help="count CPU seconds, not those of the clock"
    )
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--out", required=True)
    parser.add_argument("--batch", type=int, default=0, help="smaller than the peer's default")
    parser.add_argument(
        "--accumulate", type=int, default=0, help="batches a step, for fewer than its default"
    )
    parser.add_argument("--channels", type=int, default=0, help="pro-gan-pth: at most so many")
    parser.add_argument("--psi", type=float, default=0.75, help="stylegan2-pytorch: truncation")
    args = parser.parse_args()
    args.data, args.out = str(Path(args.data).resolve()), str(Path(args.out).resolve())
    Path(args.out).mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)
    random.seed(args.seed)
    clock = Clock(args.seconds, args.threads, args.cpu)
    told, draw = PEERS[args.peer](args, clock)
    told |= {"wall_s": round(clock.wall(), 2), "cpu_s": round(clock.cpu(), 2)}
    began = time.process_time()
    with torch.no_grad():
        pictures = [draw(min(50, args.count - start)) for start in range(0, args.count, 50)]
    told["drawn_per_s"] = round(args.count * args.threads / (time.process_time() - began), 2)
    told["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    np.save(Path(args.out) / "samples.npy", np.concatenate(pictures))
    (Path(args.out) / "told.json").write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told))


if __name__ == "__main__":
    main()
