"""Training the caption model on a brand's own captions; the `train` extra is needed for it.

    config.py   Config: all settings, and what "auto" means on this machine
    corpus.py   Data: captions of a library, a text file or JSON lines; newest held out
    base.py     Base: SmolLM2 of the caption model, GPT-2, or any causal model in a folder
    batches.py  batches of like length, packed where that saves padding
    loop.py     train(): the whole of it, read from top to bottom
    run.py      Run: the numbered folder of one training: settings, metrics, snapshots, card
    export.py   GGUF files that the light runtime loads: adapters and whole models
    installed.py  which trained model a brand uses

    config = resolve(Config(base="smollm2", budget=seconds("15m")))
    data = from_library(home, config)
    run = Run.create(home.root, config, data)
    result = train(config, data, run, report)
    install(result, home)

torch, transformers, peft, safetensors and gguf are imported inside functions: importing this
package needs none of them. It knows brands, libraries and prompts; it knows no generated post.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from feedsmith.captions.train.base import load_base, tokeniser
    from feedsmith.captions.train.config import Config, resolve, seconds
    from feedsmith.captions.train.corpus import (
        STARTER,
        Data,
        Row,
        from_library,
        from_rows,
        from_text,
        read_rows,
    )
    from feedsmith.captions.train.installed import Trained, install, trained
    from feedsmith.captions.train.loop import train
    from feedsmith.captions.train.run import Result, Run, outlook

__all__ = [
    "STARTER",
    "Config",
    "Data",
    "Result",
    "Row",
    "Run",
    "Trained",
    "from_library",
    "from_rows",
    "from_text",
    "install",
    "load_base",
    "outlook",
    "read_rows",
    "resolve",
    "seconds",
    "tokeniser",
    "train",
    "trained",
]

_PLACES = {
    "Config": "config",
    "Data": "corpus",
    "Result": "run",
    "Row": "corpus",
    "Run": "run",
    "STARTER": "corpus",
    "Trained": "installed",
    "from_library": "corpus",
    "from_rows": "corpus",
    "from_text": "corpus",
    "install": "installed",
    "load_base": "base",
    "outlook": "run",
    "read_rows": "corpus",
    "resolve": "config",
    "seconds": "config",
    "tokeniser": "base",
    "train": "loop",
    "trained": "installed",
}
"""Name to module. They are imported when they are first asked for: the command line reads `Config`
alone, and libraries, networks and numpy would double the time of `feedsmith --help`."""


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
