"""Grids of pictures."""

import math

import torch
from PIL import Image


def make_grid(tensor, nrow=8, padding=2, **_):
    """(3, H, W) of (N, 3, h, w), row by row."""
    tensor = tensor.detach().cpu()
    if tensor.dim() == 3:
        tensor = tensor[None]
    count, channels, height, width = tensor.shape
    across = min(nrow, count)
    down = math.ceil(count / across)
    h, w = height + padding, width + padding
    grid = torch.zeros(channels, down * h + padding, across * w + padding)
    for i, picture in enumerate(tensor):
        y, x = padding + (i // across) * h, padding + (i % across) * w
        grid[:, y : y + height, x : x + width] = picture
    return grid


def save_image(tensor, path, nrow=8, padding=2, **_):
    grid = make_grid(tensor, nrow, padding).mul(255).add(0.5).clamp(0, 255).to(torch.uint8)
    Image.fromarray(grid.permute(1, 2, 0).numpy()).save(path)
