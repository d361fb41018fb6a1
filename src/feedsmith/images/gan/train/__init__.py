"""Training an image generator on a brand's own photos; the `train` extra is needed for it.

    config.py       Config: all settings, and what "auto" means on this machine
    pictures.py     Pictures: shuffled epochs of a data set
    layers.py       layers, each one formula of a paper
    encoder.py      the offline encoder, for gradients to go through
    augment.py      differentiable augmentation
    dice.py         Dice: the random numbers of one step
    pair.py         Pair: generator, discriminator, average, optimisers
    progressive.py  the Progressive GAN of 2018
    compact.py      the default recipe
    loop.py         train(): the whole of it, read from top to bottom
    run.py          Run: the numbered folder of one training
    team.py         Team: several processes as one training
    grid.py         grids of samples
    export.py       ONNX, safetensors, card
    transfer.py     going on from weights; zoo.py converts those of the PyTorch GAN zoo
    installed.py    which generator a brand uses

    config = planned(resolve(Config(budget=seconds("2h")), data.size))
    with DataSet.open(path) as data:
        run = Run.create(home.root, config, data)
        result = train(config, data, run, report)
    install(run.folder, home.root)

All modules but config, run and installed import torch.
"""
