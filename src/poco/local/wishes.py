"""Turn what somebody asks an app for into work that can be bought."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from poco.appio import ExecutionError, join_arguments
from poco.errors import UserInputError
from poco.local.goods import CONFIDENTIAL, App, Arguments, Dataset, InputFile, Options
from poco.local.purchasing import Work
from poco.local.shelf import Shelf
from poco.local.venue import Venue
from poco.market.parameters import write_params
from poco.orders import ZERO_ADDRESS, Tag
from poco.secret import Secret
from poco.services.secrets import SecretName

__all__ = ["Wishes"]

_URLS = ("http://", "https://", "ipfs://", "/ipfs/")
_NAME_DIGITS = 40
_OPTIONS = frozenset(Options.__annotations__)


class Wishes:
    """Understands calls of apps; safe to use from several threads.

    Args:
        venue: where.
        shelf: for input files.
        max_price: what a task may cost when nothing is said, nRLC.
    """

    def __init__(self, venue: Venue, shelf: Shelf, max_price: int) -> None:
        self._venue = venue
        self._shelf = shelf
        self._max_price = max_price
        self._key = secrets.token_bytes(32)
        self._pushed: set[str] = set()
        self._lock = threading.Lock()

    def works(
        self, app: App, calls: Iterable[Sequence[Any]], options: Mapping[str, Any]
    ) -> list[Work]:
        """Return the work of each call.

        Args:
            app: what is called.
            calls: positional arguments of `App.__call__`: arguments, then input files.
            options: see `Options`; the same for all calls.

        Raises:
            UserInputError: an argument, an option or a file is not what it should be.
            PeerError: the secret service does not answer.
        """
        unknown = sorted(set(options) - _OPTIONS)
        if unknown:
            raise UserInputError(
                f"the options of a task are {', '.join(sorted(_OPTIONS))}",
                field="options",
                value=unknown[0],
                remedy="choose one of them",
            )
        dataset = self._dataset(options.get("dataset"))
        named = self._secrets(options.get("secrets") or {})
        confidential = bool(named) or (dataset is not None and dataset.confidential)
        price = options.get("max_price")
        work = partial(
            Work,
            app=app.address,
            dataset=ZERO_ADDRESS if dataset is None else dataset.address,
            tag=CONFIDENTIAL if confidential else Tag(0),
            trust=_whole("trust", options.get("trust", 1)),
            category=_whole("category", options.get("category", 0)),
            max_price=self._max_price if price is None else _whole("max_price", price),
        )
        return [work(params=self._params(named, *call)) for call in calls]

    def _params(
        self,
        named: Mapping[int, str],
        args: Arguments = "",
        input_files: Iterable[InputFile] = (),
    ) -> str:
        try:
            line = args if isinstance(args, str) else join_arguments(list(args))
        except (ExecutionError, TypeError, AttributeError) as error:
            raise UserInputError(
                "arguments are one text, or a list of texts that are not empty",
                field="args",
                value=args,
                remedy=str(error),
            ) from error
        if isinstance(input_files, str | Path | bytes):
            raise UserInputError(
                "input files are a list, also when there is one",
                field="input_files",
                value=str(input_files)[:80],
                remedy="put it into brackets",
            )
        urls = [self._url(number, file) for number, file in enumerate(input_files, 1)]
        return write_params(args=line, input_files=urls, secrets=named)

    def _url(self, number: int, file: InputFile) -> str:
        match file:
            case str() if file.startswith(_URLS):
                return file
            case str() | Path():
                return self._shelf.put(Path(file).name, Path(file))
            case bytes():
                return self._shelf.put(f"input-{number}", file)
            case (str(name), bytes(content)) if name.strip(".") and "/" not in name:
                return self._shelf.put(name, content)
        raise UserInputError(
            "an input file is a URL, a path, bytes, or a pair of name and bytes",
            field="input_files",
            value=str(file)[:80],
            remedy="give one of them",
        )

    def _dataset(self, given: Dataset | str | None) -> Dataset | None:
        if given is None or isinstance(given, Dataset):
            return given
        return Dataset.registered(self._venue, given)

    def _secrets(self, given: Mapping[int, str]) -> Mapping[int, str]:
        """Give secrets to the secret service, each once; return their names."""
        if not isinstance(given, Mapping) or not all(isinstance(it, str) for it in given.values()):
            raise UserInputError(
                "secrets are texts by their numbers", field="secrets", remedy='give {1: "text"}'
            )
        named = {}
        for number, value in given.items():
            _whole("secrets", number)
            keyed = hmac.digest(self._key, value.encode(), hashlib.sha256)
            name = keyed.hex()[:_NAME_DIGITS]
            with self._lock:
                if name not in self._pushed:
                    account = self._venue.account
                    secret = SecretName.requester(account.address, name)
                    self._venue.secrets.push(secret, Secret(value), account)
                    self._pushed.add(name)
            named[number] = name
        return named


def _whole(field: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UserInputError(
            "a whole number of 0 or more is needed", field=field, value=value, remedy="give one"
        )
    return value
