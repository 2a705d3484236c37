"""Where secrets are kept, encrypted; and the record of who got them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from eth_account import Account
from eth_typing import ChecksumAddress
from sqlalchemy import Connection, RowMapping, func, select
from sqlalchemy.exc import IntegrityError

from poco.database import Database, upsert
from poco.orders import TaskId, checked_address
from poco.secret import Secret
from poco.services.secrets.challenges import SecretKind, SecretName
from poco.services.secrets.keys import KeyRing, Sealed
from poco.services.secrets.tables import KEYRING, METADATA, NONCES, RELEASES, SECRETS, Release

__all__ = ["SecretStore", "Stored"]

_ENCLAVE = "enclave"
_CURRENT = "current"


@dataclass(frozen=True, slots=True)
class Stored:
    """A secret and its owner's conditions.

    Args:
        value: the secret.
        software: whether tasks without the TEE tag may get it.
    """

    value: Secret
    software: bool


class SecretStore:
    """Secrets in a database. Safe to use from several threads and processes.

    Args:
        url: of the database, see `poco.database.Database`.
        keys: master keys.
        clock: current time, seconds since 1970.

    Raises:
        ConfigurationError: the database does not answer, or belongs to another master key.
    """

    def __init__(self, url: str, keys: KeyRing, *, clock: Callable[[], float] = time.time) -> None:
        self._database = Database(url, METADATA)
        self._keys = keys
        self._clock = clock
        with self._database.writing() as connection:
            first = {"name": _CURRENT, "key_id": keys.newest}
            if connection.execute(select(KEYRING)).one_or_none() is None:
                connection.execute(upsert(self._database, KEYRING, first))
            self._current_key(connection)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def ping(self) -> None:
        """Check that the database answers.

        Raises:
            ConfigurationError: it does not.
        """
        with self._database.reading() as connection:
            connection.execute(select(KEYRING))

    # SECRETS OF OWNERS

    def policy(self, name: SecretName) -> bool | None:
        """Return whether tasks without the TEE tag may get a secret; None when it is not set."""
        with self._database.reading() as connection:
            row = self._find(connection, name.kind, _subject(name), name.stored)
        return None if row is None else bool(row["software"])

    def get(self, name: SecretName) -> Stored | None:
        """Return a secret; None when it is not set.

        Raises:
            ConfigurationError: its record was changed, or needs another master key.
        """
        with self._database.reading() as connection:
            row = self._find(connection, name.kind, _subject(name), name.stored)
        return None if row is None else Stored(self._unsealed(row), bool(row["software"]))

    def put(
        self,
        name: SecretName,
        value: Secret,
        *,
        software: bool = False,
        replace: bool = False,
        nonce: int | None = None,
    ) -> bool:
        """Set a secret.

        Args:
            name: which.
            value: the secret.
            software: whether tasks without the TEE tag may get it.
            replace: replace what is set, instead of setting what is not.
            nonce: the nonce that was signed; it counts once.

        Returns:
            Whether it was set. Not, when `replace` and nothing is set, or the other way round, or
            the nonce is used.
        """
        try:
            with self._database.writing() as connection:
                old = self._find(connection, name.kind, _subject(name), name.stored, lock=True)
                if (old is not None) is not replace:
                    return False
                if nonce is not None and not self._use(connection, name.address, nonce):
                    return False
                version = 1 if old is None else old["version"] + 1
                row = self._sealed(
                    connection, name.kind, _subject(name), name.stored, value, version, software
                )
                if old is None:
                    connection.execute(SECRETS.insert().values(row))
                else:
                    connection.execute(upsert(self._database, SECRETS, row))
        except IntegrityError:  # somebody else was faster
            return False
        return True

    def nonce(self, address: ChecksumAddress) -> int:
        """Return the nonce that the next signed write for an address needs."""
        with self._database.reading() as connection:
            statement = select(NONCES.c.next).where(NONCES.c.address == address.lower())
            found: int | None = connection.execute(statement).scalar_one_or_none()
        return found or 0

    def counts(self) -> dict[str, int]:
        """Return how many secrets there are of each kind."""
        statement = select(SECRETS.c.kind, func.count().label("amount")).group_by(SECRETS.c.kind)
        with self._database.reading() as connection:
            found = {row.kind: row.amount for row in connection.execute(statement)}
        return {kind: found.get(kind, 0) for kind in (*SecretKind, _ENCLAVE)}

    # ENCLAVE KEYS

    def enclave_address(self, taskid: TaskId, expires: float) -> ChecksumAddress:
        """Return the address of a task's key, made by the first call.

        Args:
            taskid: the task.
            expires: when nobody needs it any more, seconds since 1970.
        """
        found = self.enclave_key(taskid)
        if found is not None:
            return found[0]
        account = Account.create()
        value = Secret(f"0x{account.key.hex().removeprefix('0x')}")
        try:
            with self._database.writing() as connection:
                row = self._sealed(
                    connection, _ENCLAVE, _task(taskid), "", value, version=1, software=False
                )
                connection.execute(SECRETS.insert().values(row | {"expires": expires}))
        except IntegrityError:  # somebody else was faster
            return self.enclave_address(taskid, expires)
        return checked_address("enclaveChallenge", account.address)

    def enclave_key(self, taskid: TaskId) -> tuple[ChecksumAddress, Secret] | None:
        """Return address and private key of a task; None when it has none."""
        with self._database.reading() as connection:
            row = self._find(connection, _ENCLAVE, _task(taskid), "")
        if row is None:
            return None
        key = self._unsealed(row)
        return checked_address("enclaveChallenge", Account.from_key(key.reveal()).address), key

    def purge(self, now: float) -> int:
        """Delete the enclave keys that nobody needs any more; return how many.

        Args:
            now: time of the chain, seconds since 1970.
        """
        with self._database.writing() as connection:
            gone = connection.execute(SECRETS.delete().where(SECRETS.c.expires < now))
            return int(gone.rowcount)

    # AUDIT

    def record(
        self, taskid: TaskId, dealid: bytes, worker: str, peer: str, secrets: Sequence[str]
    ) -> None:
        """Write down that secrets are released; only then they may be.

        Args:
            taskid: for which task.
            dealid: its deal.
            worker: to whom.
            peer: IP address of who asked.
            secrets: which ones.
        """
        common = {
            "at": self._clock(),
            "taskid": _task(taskid),
            "dealid": f"0x{dealid.hex()}",
            "worker": worker,
            "peer": peer,
        }
        if secrets:
            with self._database.writing() as connection:
                rows = [common | {"secret": secret} for secret in secrets]
                connection.execute(RELEASES.insert(), rows)

    def releases(self, *, taskid: TaskId | None = None, secret: str = "") -> Iterator[Release]:
        """Read the audit, oldest first.

        Args:
            taskid: only of this task.
            secret: only of secrets whose description holds this, for example an address.
        """
        statement = select(RELEASES).order_by(RELEASES.c.id)
        if taskid is not None:
            statement = statement.where(RELEASES.c.taskid == _task(taskid))
        if secret:
            wanted = func.lower(RELEASES.c.secret).contains(secret.lower(), autoescape=True)
            statement = statement.where(wanted)
        with self._database.reading() as connection:
            for row in connection.execute(statement).mappings():
                yield Release(**{name: row[name] for name in Release.__slots__})

    # MASTER KEYS

    def rotate(self, *, chunk: int = 500) -> int:
        """Encrypt everything again with the newest master key.

        It may be interrupted and called again; services that run meanwhile go on.

        Args:
            chunk: records per transaction.

        Returns:
            How many records were encrypted again.
        """
        newest = {"name": _CURRENT, "key_id": self._keys.newest}
        with self._database.writing() as connection:
            connection.execute(upsert(self._database, KEYRING, newest))
        done = 0
        while moved := self._rotate_chunk(chunk):
            done += moved
        return done

    def _rotate_chunk(self, chunk: int) -> int:
        with self._database.writing() as connection:
            key_id = self._current_key(connection)
            statement = select(SECRETS).where(SECRETS.c.key_id != key_id).limit(chunk)
            rows = connection.execute(statement.with_for_update()).mappings().all()
            for row in rows:
                sealed = self._keys.seal(key_id, row["kind"], _place(row), self._unsealed(row))
                connection.execute(
                    SECRETS.update().where(_same(row)).values(_sealed_columns(sealed))
                )
        return len(rows)

    def _current_key(self, connection: Connection) -> str:
        """Return the master key that encrypts now; it cannot change before the transaction ends."""
        statement = select(KEYRING.c.key_id).with_for_update(read=True)
        key_id: str = connection.execute(statement).scalar_one()
        self._keys.require(key_id)
        return key_id

    # RECORDS

    def _find(
        self, connection: Connection, kind: str, subject: str, name: str, *, lock: bool = False
    ) -> RowMapping | None:
        key = {"kind": str(kind), "subject": subject, "name": name}
        statement = select(SECRETS).where(_same(key))
        if lock:
            statement = statement.with_for_update()
        return connection.execute(statement).mappings().one_or_none()

    def _sealed(
        self,
        connection: Connection,
        kind: str,
        subject: str,
        name: str,
        value: Secret,
        version: int,
        software: bool,
    ) -> dict[str, Any]:
        row = {
            "kind": str(kind),
            "subject": subject,
            "name": name,
            "version": version,
            "software": software,
        }
        sealed = self._keys.seal(self._current_key(connection), kind, _place(row), value)
        return row | _sealed_columns(sealed)

    def _unsealed(self, row: RowMapping) -> Secret:
        sealed = Sealed(row["key_id"], bytes(row["nonce"]), bytes(row["ciphertext"]))
        return self._keys.unseal(row["kind"], _place(row), sealed)

    def _use(self, connection: Connection, address: ChecksumAddress, nonce: int) -> bool:
        key = address.lower()
        statement = select(NONCES.c.next).where(NONCES.c.address == key).with_for_update()
        expected = connection.execute(statement).scalar_one_or_none() or 0
        if nonce != expected:
            return False
        row = {"address": key, "next": nonce + 1}
        connection.execute(upsert(self._database, NONCES, row))
        return True


def _subject(name: SecretName) -> str:
    return name.address.lower()


def _task(taskid: TaskId) -> str:
    return f"0x{taskid.hex()}"


def _place(row: Any) -> bytes:
    """What a ciphertext is bound to: where it is stored, its version and its owner's conditions."""
    names = ("kind", "subject", "name", "version", "software")
    return json.dumps([row[name] for name in names]).encode()


def _same(row: Any) -> Any:
    return (
        (SECRETS.c.kind == row["kind"])
        & (SECRETS.c.subject == row["subject"])
        & (SECRETS.c.name == row["name"])
    )


def _sealed_columns(sealed: Sealed) -> dict[str, Any]:
    return {"key_id": sealed.key_id, "nonce": sealed.nonce, "ciphertext": sealed.ciphertext}
