"""Turn what somebody asks an app for into work that can be bought."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from eth_typing import ChecksumAddress

from poco.appio import ExecutionError, join_arguments
from poco.errors import UserInputError
from poco.local import given
from poco.local.bringing import CONFIDENTIAL, find_dataset
from poco.local.bulks import write_bulk
from poco.local.goods import App, Arguments, Dataset, InputFile, Options
from poco.local.purchasing import Limits, Work
from poco.local.result_keys import ResultKeys
from poco.local.shelf import Shelf
from poco.local.venue import Venue
from poco.market.offers import RunTerms
from poco.market.parameters import write_params
from poco.orders import ZERO_ADDRESS, Tag
from poco.secret import Secret
from poco.services.secrets import SecretName
from poco.services.secrets.challenges import MAX_VALUE_BYTES

__all__ = ["Wishes"]

_URLS = ("http://", "https://", "ipfs://", "/ipfs/")
_NAME_DIGITS = 40
_MOST = 2**64 - 1
"""Greatest trust and category of a deal."""
_SHOWN = 80
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
        self._keys = ResultKeys(venue)
        self._key = secrets.token_bytes(32)
        self._pushed: set[str] = set()
        self._lock = threading.Lock()

    def works(
        self, app: App, calls: Sequence[Sequence[Any]], options: Mapping[str, Any]
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
        said: dict[str, Any] = {name: it for name, it in options.items() if it is not None}
        dataset, many = self._datasets(said)
        named = self._secrets(said.get("secrets", {}))
        beneficiary = given.address("beneficiary", said.get("beneficiary", self._venue.account))
        is_sealed, key = self._sealing(said.get("encrypt_result", False), beneficiary)
        callback = given.address("callback", said.get("callback", ZERO_ADDRESS))
        confidential = (
            bool(named or many) or is_sealed or (dataset is not None and dataset.confidential)
        )
        terms = RunTerms(
            app=app.address,
            params="",
            dataset=ZERO_ADDRESS if dataset is None else dataset.address,
            workerpool=given.address("workerpool", said.get("workerpool", ZERO_ADDRESS)),
            category=given.whole("category", said.get("category", 0), most=_MOST),
            tag=CONFIDENTIAL if confidential else Tag(0),
            trust=given.whole("trust", said.get("trust", 1), most=_MOST),
            beneficiary=beneficiary,
            callback=callback,
        )
        limits = Limits(
            total=given.whole("max_price", said.get("max_price", self._max_price)),
            app=_limit("max_app_price", said),
            dataset=_limit("max_dataset_price", said),
        )
        bulk = write_bulk(self._venue, many, app.address, terms.workerpool) if many else None
        write = partial(
            write_params,
            "" if bulk is None else json.dumps({"bulk_cid": bulk}),
            secrets=named,
            encrypt_result=is_sealed,
            has_callback=callback != ZERO_ADDRESS,
        )
        known: dict[int, list[str]] = {}
        return [
            Work(replace(terms, params=write(**self._inputs(known, *call))), limits, key)
            for call in calls
        ]

    def _inputs(
        self,
        known: dict[int, list[str]],
        args: Arguments = "",
        input_files: Iterable[InputFile] = (),
        *more: object,
    ) -> dict[str, Any]:
        """Return what a call says; files that several calls share are copied once."""
        if more:
            raise UserInputError(
                "an app is called with arguments and input files",
                field="arguments",
                value=str(more[0])[:_SHOWN],
                remedy="name everything else: dataset=…, trust=…",
            )
        try:
            line = args if isinstance(args, str) else join_arguments(list(args))
        except (ExecutionError, TypeError, AttributeError) as error:
            raise UserInputError(
                "arguments are one text, or a list of texts that are not empty",
                field="args",
                value=str(args)[:_SHOWN],
                remedy=str(error),
            ) from error
        if isinstance(input_files, str | Path | bytes) or not isinstance(input_files, Iterable):
            raise UserInputError(
                "input files are a list, also when there is one",
                field="input_files",
                value=str(input_files)[:_SHOWN],
                remedy="put it into brackets",
            )
        if id(input_files) not in known:
            urls = [self._url(number, file) for number, file in enumerate(input_files, 1)]
            known[id(input_files)] = urls
        return {"args": line, "input_files": known[id(input_files)]}

    def _url(self, number: int, file: InputFile) -> str:
        match file:
            case str() if file.startswith(_URLS):
                return file
            case str() | Path():
                return self._shelf.put(Path(file).name, Path(file))
            case bytes():
                return self._shelf.put(f"input-{number}", file)
            case (name, bytes(content)):
                return self._shelf.put(given.file_name("input_files", name), content)
        raise UserInputError(
            "an input file is a URL, a path, bytes, or a pair of name and bytes",
            field="input_files",
            value=str(file)[:_SHOWN],
            remedy="give one of them",
        )

    def _datasets(self, said: Mapping[str, Any]) -> tuple[Dataset | None, list[Dataset]]:
        """Return the dataset of the deal, and those of its bulk."""
        one, many = said.get("dataset"), said.get("datasets", ())
        if isinstance(many, str) or not isinstance(many, Sequence) or (one is not None and many):
            raise UserInputError(
                "several datasets are a list, and there is no other dataset then",
                field="datasets",
                value=str(many)[:_SHOWN],
                remedy="give all of them in datasets=[…], or one in dataset=…",
            )
        found = [it if isinstance(it, Dataset) else find_dataset(self._venue, it) for it in many]
        return self._dataset(one), found

    def _dataset(self, wanted: object) -> Dataset | None:
        if wanted is None or isinstance(wanted, Dataset):
            return wanted
        return find_dataset(self._venue, wanted)

    def _sealing(self, wanted: object, beneficiary: ChecksumAddress) -> tuple[bool, Secret | None]:
        """Return whether the result is encrypted, and the key that opens it here."""
        if wanted is False:
            return False, None
        if beneficiary == self._venue.account.address:
            return True, self._keys.private_key(wanted)
        given.flag("encrypt_result", wanted)
        self._keys.require(beneficiary)
        return True, None

    def _secrets(self, wanted: Mapping[int, str]) -> Mapping[int, str]:
        """Give secrets to the secret service, each once; return their names."""
        if not isinstance(wanted, Mapping) or not all(
            isinstance(it, str) for it in wanted.values()
        ):
            raise UserInputError(
                "secrets are texts by their numbers", field="secrets", remedy='give {1: "text"}'
            )
        named = {}
        for number, value in wanted.items():
            given.whole("secrets", number)
            if len(value.encode(errors="replace")) > MAX_VALUE_BYTES:
                raise UserInputError(
                    f"a secret has at most {MAX_VALUE_BYTES} bytes",
                    field=f"secrets[{number}]",
                    remedy="encrypt a dataset instead: market.dataset(…, encrypt=True)",
                )
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


def _limit(name: str, said: Mapping[str, Any]) -> int | None:
    return given.whole(name, said[name]) if name in said else None
