"""Tell which generation of the app contract an app speaks (spec offchain §1.1).

Workers must agree without talking to each other, so only what nobody can change decides: the
params of the deal, the registry entry of the app, the labels of its image.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from poco.appio.params import DealParams
from poco.appio.untrusted_json import parse_object

__all__ = [
    "GENERATION_LABEL",
    "AppImage",
    "Generation",
    "Layout",
    "choose_generation",
    "parse_app",
]

GENERATION_LABEL = "iexec.generation"
_IMAGE_VARIABLE = "XWDOCKERIMAGE"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where one generation of the app contract puts the app's folders.

    Attributes:
        input: guest path of the folder with dataset and input files.
        output: guest path of the folder for results; v2 has one folder for both.
    """

    input: str
    output: str


class Generation(StrEnum):
    """A generation of the app contract; v4 is v3 here, and v5 is everything later."""

    V2 = "v2"
    V3 = "v3"
    V5 = "v5"

    @property
    def layout(self) -> Layout:
        """The folders that such an app sees."""
        return _SHARED if self is Generation.V2 else _SEPARATE


_SHARED = Layout(input="/iexec", output="/iexec")
_SEPARATE = Layout(input="/iexec_in", output="/iexec_out")


@dataclass(frozen=True, slots=True)
class AppImage:
    """What the multiaddr of an app's registry entry says.

    Attributes:
        reference: image reference, or address of a WASM module.
        variables: variables that a v2 entry gives to the app, ``XWDOCKERIMAGE`` among them;
            empty for every other entry.
    """

    reference: str
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def parse_app(multiaddr: str) -> AppImage:
    """Read an app's multiaddr, which v2 wrote as the parameters of the app.

    Those are ``XWDOCKERIMAGE=image``, more variables after commas, alone or as ``envvars`` of a
    JSON object such as ``{"type": "DOCKER", "envvars": "XWDOCKERIMAGE=org/app:1"}``.
    """
    try:
        declared = parse_object(multiaddr).get("envvars")
    except ValueError:
        declared = multiaddr
    if not isinstance(declared, str):
        return AppImage(multiaddr)
    pairs = (part.partition("=") for part in re.split(r"[,;\s]+", declared))
    variables = {name: value for name, equals, value in pairs if name and equals}
    reference = variables.get(_IMAGE_VARIABLE)
    return AppImage(reference, MappingProxyType(variables)) if reference else AppImage(multiaddr)


def choose_generation(
    params: DealParams, app: AppImage, labels: Mapping[str, str] = MappingProxyType({})
) -> Generation:
    """Return the generation that decides on folders and on the result.

    In this order: ``cmdline`` or ``dirinuri`` in the params, or a v2 registry entry, mean v2; the
    image's label ``iexec.generation`` of ``v2``, ``v3`` or ``v5``; else v5.

    Args:
        params: the deal's params.
        app: the app's registry entry.
        labels: the labels of its image; a WASM module has none.
    """
    if params.is_v2 or app.variables:
        return Generation.V2
    label = labels.get(GENERATION_LABEL)
    return Generation(label) if label in list(Generation) else Generation.V5
