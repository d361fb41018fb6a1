"""The image GAN: trained by the `train` extra, run without it.

train/       networks, losses, loop: torch
"""
