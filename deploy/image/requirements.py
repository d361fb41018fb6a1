"""Prints what pyproject.toml asks for, with the named extras: python requirements.py pyproject.toml [EXTRA...]"""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path(sys.argv[1]).read_text("utf-8"))["project"]
wanted = [
    *project["dependencies"],
    *(line for extra in sys.argv[2:] for line in project["optional-dependencies"][extra]),
]
print("\n".join(wanted))
