"""Every worker finds the same generation, from what nobody can change (spec offchain §1.1)."""

from __future__ import annotations

import pytest

from poco.appio import AppImage, DealParams, Generation, choose_generation, parse_app, parse_params

IMAGE = "registry.hub.docker.com/org/app:1.0"


def chosen(params: str = "", multiaddr: str = IMAGE, label: str | None = None) -> Generation:
    labels = {} if label is None else {"iexec.generation": label}
    return choose_generation(parse_params(params), parse_app(multiaddr), labels)


@pytest.mark.parametrize("params", ['{"cmdline": "x"}', '{"dirinuri": ""}'])
def test_generation__params_of_v2__come_before_any_label(params: str) -> None:
    assert chosen(params, label="v5") is Generation.V2


def test_generation__entry_of_v2__comes_before_any_label() -> None:
    assert chosen(multiaddr="XWDOCKERIMAGE=org/app", label="v5") is Generation.V2


@pytest.mark.parametrize("label", ["v2", "v3", "v5"])
def test_generation__label__decides_otherwise(label: str) -> None:
    assert chosen('{"iexec_args": "x"}', label=label) == label


@pytest.mark.parametrize("label", [None, "", "v4", "5", "V3"])
def test_generation__no_known_label__is_v5(label: str | None) -> None:
    assert chosen(label=label) is Generation.V5


def test_generation__null_in_params__is_no_key_of_v2() -> None:
    assert chosen('{"cmdline": null}') is Generation.V5


@pytest.mark.parametrize("multiaddr", [IMAGE, "", "{}", '{"envvars": 7}', '{"envvars": "A=B"}'])
def test_parse_app__anything_but_a_v2_entry__is_a_reference(multiaddr: str) -> None:
    assert parse_app(multiaddr) == AppImage(multiaddr)


def test_parse_app__entry_of_v2__names_image_and_variables() -> None:
    app = parse_app('{"type": "DOCKER", "envvars": "XWDOCKERIMAGE=org/ffmpeg:scratch, MODE=fast"}')
    assert app.reference == "org/ffmpeg:scratch"
    assert app.variables == {"XWDOCKERIMAGE": "org/ffmpeg:scratch", "MODE": "fast"}
    assert choose_generation(DealParams(), app) is Generation.V2


def test_layout__of_v2__is_one_folder() -> None:
    assert (Generation.V2.layout.input, Generation.V2.layout.output) == ("/iexec", "/iexec")
    assert Generation.V3.layout == Generation.V5.layout
