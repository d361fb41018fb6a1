"""The compiled loops against plain numpy."""

import numpy as np
import pytest
from numpy.typing import NDArray

from feedsmith.images.kernel import PATCH, Kernel


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(4)


def bytes_of(rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def search(
    kernel, q, k, field, dist, *, allowed=None, skip=None, pull=0.0, sweeps=4, tries=8, seed=1
):
    gh = k.shape[0] - PATCH
    place = kernel.put(np.linspace(0, 1, gh, dtype=np.float32))
    target = kernel.put(np.linspace(0, 1, field.shape[0], dtype=np.float32))
    kernel.call(
        "search",
        q,
        *q.shape[:2],
        k,
        *k.shape[:2],
        None,
        allowed,
        skip,
        place,
        target,
        pull,
        field,
        dist,
        sweeps,
        max(k.shape),
        tries,
        1.0,
        None,
        0.0,
        0.0,
        seed,
    )


def scattered(kernel, q, k, allowed=None, seed=3):
    h, w = q.shape[0] - PATCH + 1, q.shape[1] - PATCH + 1
    field = kernel.empty((h, w), np.uint32)
    grid = k.shape[0] - PATCH, k.shape[1] - PATCH
    kernel.call("scatter", field, h, w, *grid, allowed, seed)
    return field, kernel.empty((h, w), np.float32)


def test_distances_are_exact_sums_of_squares(rng):
    q, k = bytes_of(rng, 19, 22), bytes_of(rng, 23, 31)
    with Kernel() as kernel:
        a, b = kernel.put(q), kernel.put(k)
        field, dist = scattered(kernel, a, b)
        kernel.call("measure", a, *q.shape[:2], b, k.shape[1], field, dist)
        origins, found = kernel.get(field), kernel.get(dist)
    for (y, x), at in np.ndenumerate(origins):
        sy, sx = int(at) >> 16, int(at) & 0xFFFF
        difference = q[y : y + 7, x : x + 7].astype(int) - k[sy : sy + 7, sx : sx + 7]
        assert found[y, x] == (difference**2).sum()


def test_a_piece_of_the_source_is_found_where_it_was(rng):
    k = bytes_of(rng, 60, 70)
    q = k[20:45, 30:58].copy()
    with Kernel() as kernel:
        a, b = kernel.put(q), kernel.put(k)
        field, dist = scattered(kernel, a, b)
        search(kernel, a, b, field, dist, sweeps=6)
        origins, found = kernel.get(field), kernel.get(dist)
    y, x = np.mgrid[: origins.shape[0], : origins.shape[1]]
    right = (origins >> 16 == y + 20) & (origins & 0xFFFF == x + 30)
    assert right.all()
    assert (found == 0).all()


def test_forbidden_patches_are_never_taken_and_given_ones_stay(rng):
    q, k = bytes_of(rng, 30, 30), bytes_of(rng, 40, 40)
    allowed = np.zeros((33, 33), np.uint8)
    allowed[5:9, 20:33] = 1
    skip = np.zeros((24, 24), np.uint8)
    skip[10:14] = 1
    with Kernel() as kernel:
        a, b, may, stays = kernel.put(q), kernel.put(k), kernel.put(allowed), kernel.put(skip)
        field, dist = scattered(kernel, a, b, may)
        kernel.view(field)[10:14] = 1 << 16 | 2
        search(kernel, a, b, field, dist, allowed=may, skip=stays)
        origins = kernel.get(field)
    assert (origins[10:14] == (1 << 16 | 2)).all()
    others = np.delete(origins, slice(10, 14), axis=0)
    assert allowed[others >> 16, others & 0xFFFF].all()


def test_a_strong_pull_keeps_heights(rng):
    q, k = bytes_of(rng, 30, 30), bytes_of(rng, 60, 60)
    with Kernel() as kernel:
        a, b = kernel.put(q), kernel.put(k)
        field, dist = scattered(kernel, a, b)
        search(kernel, a, b, field, dist, pull=1e9, sweeps=6)
        rows = kernel.get(field) >> 16
    assert np.abs(rows / 52 - np.linspace(0, 1, 24)[:, None]).max() < 0.05


def test_the_same_seed_gives_the_same_field_and_another_does_not(rng):
    q, k = bytes_of(rng, 30, 30), bytes_of(rng, 50, 50)

    def run(seed: int) -> bytes:
        with Kernel() as kernel:
            a, b = kernel.put(q), kernel.put(k)
            field, dist = scattered(kernel, a, b)
            search(kernel, a, b, field, dist, seed=seed, sweeps=1)
            return kernel.get(field).tobytes()

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_a_field_carried_up_keeps_its_offsets(rng):
    h, w = 20, 24
    y, x = np.mgrid[:h, :w].astype(np.uint32)
    with Kernel() as kernel:
        old = kernel.put((y + 3) << 16 | (x + 5))
        new = kernel.empty((40, 48), np.uint32)
        kernel.call("carry", old, h, w, new, 40, 48, 2.0, 2.0, 60, 70, None, 1)
        origins = kernel.get(new)
    yy, xx = np.mgrid[:40, :48]
    assert np.abs((origins >> 16).astype(int) - yy - 6).max() <= 1
    assert np.abs((origins & 0xFFFF).astype(int) - xx - 10).max() <= 1


def test_votes_of_a_perfect_field_are_the_source_itself(rng):
    k = bytes_of(rng, 40, 40)
    h = w = 20
    y, x = np.mgrid[:h, :w].astype(np.uint32)
    with Kernel() as kernel:
        source, field = kernel.put(k), kernel.put((y + 4) << 16 | (x + 6))
        dist = kernel.empty((h, w), np.float32)
        lam = kernel.put(np.full((26, 26), 0.5, np.float32))
        diag, u, f = (kernel.planes(n, 26, 26) for n in (1, 3, 3))
        kernel.call("diagonal", lam, 26, 26, diag.stride, diag.first())
        room = kernel.empty((7 * (10 * 26 + 40) + 21 * 26,), np.float32)
        out = kernel.empty((26, 26, 3), np.uint8)
        kernel.call(
            *("vote", source, 40, field, dist, 1.0, None, 5.0, 20.0, 26, 26, u.stride, u.size),
            *(diag.first(), u.first(), f.first(), room),
        )
        kernel.call("pack", u.first(), 26, 26, u.stride, u.size, None, None, out)
        assert np.array_equal(kernel.get(out), k[4:30, 6:32])


def test_memory_goes_back_when_a_kernel_closes():
    def megabytes() -> int:
        with open("/proc/self/statm") as status:  # noqa: PTH123
            return int(status.read().split()[1]) * 4096 // 2**20

    def use() -> None:
        with Kernel() as kernel:
            kernel.view(kernel.empty((64, 2**20), np.uint8))[...] = 1

    try:
        before = megabytes()
    except OSError:
        pytest.skip("no /proc here")
    for _ in range(5):
        use()
    assert megabytes() - before < 100
