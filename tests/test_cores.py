"""Cores: matrix products keep to one of them while they are asked to."""

import pytest

from feedsmith.cores import _openblas, one_core


def test_inside_the_block_one_core_and_afterwards_as_before() -> None:
    library = _openblas()
    if library is None:
        pytest.skip("numpy has another linear algebra library here")
    before = library.scipy_openblas_get_num_threads64_()
    library.scipy_openblas_set_num_threads64_(2)
    with one_core():
        assert library.scipy_openblas_get_num_threads64_() == 1
    assert library.scipy_openblas_get_num_threads64_() == 2
    with pytest.raises(RuntimeError), one_core():
        raise RuntimeError
    assert library.scipy_openblas_get_num_threads64_() == 2
    library.scipy_openblas_set_num_threads64_(before)
