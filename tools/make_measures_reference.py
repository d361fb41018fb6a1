"""Reference numbers for tests/test_measures_features.py, by torch-fidelity's own arithmetic.

In an environment of its own, without torchvision, which only its networks need:

    python -m venv reference && reference/bin/pip install torch scipy tqdm pillow requests
    reference/bin/pip install --no-deps torch-fidelity==0.4.0
    reference/bin/python tools/make_measures_reference.py

Writes tests/fixtures/measures/reference.json: for seeded features, their Frechet distance, kernel distance
(all pictures as the one subset) and precision and recall.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import torch

for name in (
    "",
    ".datasets",
    ".transforms",
    ".transforms.functional",
):  # imported by its networks, not called here
    sys.modules.setdefault(f"torchvision{name}", MagicMock())

from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric  # noqa: E402
from torch_fidelity.metric_kid import kid_features_to_metric  # noqa: E402
from torch_fidelity.metric_prc import prc_features_to_metric  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from measured import CASES, features  # noqa: E402


def main() -> None:
    told: dict[str, object] = {"torch-fidelity": version("torch-fidelity"), "cases": {}}
    for name in CASES:
        real, made = (torch.from_numpy(f) for f in features(name))
        fid = fid_statistics_to_metric(
            fid_features_to_statistics(made.double()),
            fid_features_to_statistics(real.double()),
            False,
        )
        case: dict[str, float] = dict(fid)
        if len(real) == len(made):
            whole = {"kid_subsets": 1, "kid_subset_size": len(real), "verbose": False}
            case |= kid_features_to_metric(made.double(), real.double(), **whole)
        case |= prc_features_to_metric(made, real, verbose=False, save_cpu_ram=False)
        told["cases"][name] = {key: float(value) for key, value in case.items()}  # type: ignore[index]
    path = ROOT / "tests/fixtures/measures/reference.json"
    path.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    assert np.isfinite([v for case in told["cases"].values() for v in case.values()]).all()  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
