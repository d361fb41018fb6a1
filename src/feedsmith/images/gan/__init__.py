"""The image GAN: trained by the `train` extra, run without it.

train/       networks, losses, loop: torch
exported     a trained generator as it is run: ONNX
detail       its small pictures with a photo's detail, at the size of a post
model        the image model `gan`
"""
