from __future__ import annotations

import types

import poco.orders


def test_all__names_everything_public() -> None:
    public = {
        name
        for name, value in vars(poco.orders).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public == set(poco.orders.__all__)


def test_all__has_no_name_twice() -> None:
    assert len(poco.orders.__all__) == len(set(poco.orders.__all__))
