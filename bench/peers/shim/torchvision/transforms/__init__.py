"""Transforms of Pillow pictures."""

import math
import random

import numpy as np
import torch
from PIL import Image, ImageOps

from torchvision.transforms import functional

__all__ = [
    "CenterCrop", "Compose", "Lambda", "RandomHorizontalFlip", "RandomResizedCrop", "Resize",
    "ToPILImage", "ToTensor", "functional",
]  # fmt: skip


class Compose:
    def __init__(self, steps):
        self.steps = steps

    def __call__(self, x):
        for step in self.steps:
            x = step(x)
        return x


class Lambda:
    def __init__(self, function):
        self.function = function

    def __call__(self, x):
        return self.function(x)


class Resize:
    def __init__(self, size, *_, **__):
        self.size = size

    def __call__(self, image):
        return functional.resize(image, self.size)


class CenterCrop:
    def __init__(self, size):
        self.size = size

    def __call__(self, image):
        left, top = (image.width - self.size) // 2, (image.height - self.size) // 2
        return image.crop((left, top, left + self.size, top + self.size))


class RandomResizedCrop:
    """Area and aspect ratio at random within the bounds, as the Inception papers crop."""

    def __init__(self, size, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), **_):
        self.size, self.scale, self.ratio = size, scale, ratio

    def __call__(self, image):
        area = image.width * image.height * random.uniform(*self.scale)
        aspect = math.exp(random.uniform(*map(math.log, self.ratio)))
        w = min(image.width, round(math.sqrt(area * aspect)))
        h = min(image.height, round(math.sqrt(area / aspect)))
        left, top = random.randint(0, image.width - w), random.randint(0, image.height - h)
        box = (left, top, left + w, top + h)
        return image.resize((self.size, self.size), Image.Resampling.BILINEAR, box)


class RandomHorizontalFlip:
    def __init__(self, p=0.5):
        self.p = p

    def __call__(self, image):
        return ImageOps.mirror(image) if random.random() < self.p else image


class ToTensor:
    """(3, H, W) float32 in 0..1 of an RGB picture."""

    def __call__(self, image):
        array = np.asarray(image.convert("RGB"), np.float32) / 255
        return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))


class ToPILImage:
    def __call__(self, tensor):
        array = tensor.mul(255).clamp(0, 255).to(torch.uint8).permute(1, 2, 0)
        return Image.fromarray(array.numpy())
