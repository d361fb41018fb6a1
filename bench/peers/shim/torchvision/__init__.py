"""The few functions of torchvision that the GAN packages of gan_peers.py call, on Pillow and torch alone.

PyPI's torchvision is built against another torch than the CPU build that the peers run on and cannot be
imported beside it; what the peers need of it is resizing, cropping, mirroring and saving pictures.
"""

from torchvision import transforms, utils

__all__ = ["transforms", "utils"]
