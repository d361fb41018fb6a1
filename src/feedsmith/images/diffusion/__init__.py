"""Pictures from a diffusion model of the user's own; the `diffusion` extra is needed for it.

    settings.py  Options: steps, guidance, device, number format, memory
    pipeline.py  finding a pipeline and its adapter, refusing what is not safe, opening, drawing
    model.py     Diffusers: the image model `diffusers`
    config.py    Config: settings of a LoRA training
    train.py     train_lora(): teaching a Stable Diffusion the brand's look

torch, diffusers, transformers and peft are imported inside functions. Weights are read from
safetensors alone: pickles run code when they are read.
"""
