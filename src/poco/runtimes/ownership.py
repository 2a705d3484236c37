"""Hand the output of an app over to the worker, when the app ran as another user (spec §1.2).

The engine, which may do everything, does it over its archive interface: it reads out what the
worker cannot, and removes what the worker cannot. Nothing of the app or its image runs for that. A
worker that is root needs none of it.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, cast

from docker.models.containers import Container

from poco.appio import MAX_DEPTH, Cause, ExecutionError, OutputLimits
from poco.runtimes.spec import RunSpec

__all__ = ["hand_over"]

_BROKEN_PLACES = (errno.EEXIST, errno.EINVAL, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG)
"""What a member can make the system answer; anything else is this host's trouble."""
_LINKS = (tarfile.SYMTYPE, tarfile.LNKTYPE)


def hand_over(container: Container, spec: RunSpec) -> None:
    """Make the worker the owner of all that a container has left in its writable folders.

    Args:
        container: has ended.
        spec: what it ran.

    Raises:
        ExecutionError: ``APP_OUTPUT_TOO_LARGE`` or ``OUTPUT_TREE_INVALID``.
        DockerException: when the engine does not do its work.
    """
    if os.geteuid() == 0:
        return
    for mount in spec.mounts:
        if not mount.read_only and not _is_ours(mount.host):
            _take(container, mount.host, mount.guest, spec.limits.output)


def _is_ours(folder: Path) -> bool:
    """Return whether this process owns all below a folder, as far as that may reach."""
    user = os.geteuid()
    pending = [(folder, 0)]
    while pending:
        current, depth = pending.pop()
        if depth > MAX_DEPTH:
            return False
        for entry in os.scandir(current):
            if entry.stat(follow_symlinks=False).st_uid != user:
                return False
            if entry.is_dir(follow_symlinks=False):
                path = Path(entry.path)
                path.chmod(0o700)
                pending.append((path, depth + 1))
    return True


def _take(container: Container, host: Path, guest: str, limits: OutputLimits) -> None:
    with tempfile.TemporaryDirectory(dir=host.parent) as name:
        copy = Path(name)
        failure: ExecutionError | None = None
        with _packed(container, guest) as stream:  # closed before the engine is asked again
            try:
                _unpack(stream, copy, limits)
            except ExecutionError as error:
                failure = error
        names = [path.name for path in host.iterdir()]
        container.put_archive(guest, _empty_files(names))  # in the place of whole trees
        for entry in names:
            (host / entry).unlink()
        if failure:
            raise failure
        for path in copy.iterdir():
            path.rename(host / path.name)


@contextmanager
def _packed(container: Container, guest: str) -> Iterator[IO[bytes]]:
    """Read a folder of a container as a tar; `Container.get_archive` cannot be left early."""
    assert container.client is not None
    engine = container.client.api
    answer = engine.get(
        f"{engine.base_url}/v{engine.api_version}/containers/{container.id}/archive",
        params={"path": f"{guest}/."},
        headers={"Accept-Encoding": "identity"},
        stream=True,
        timeout=engine.timeout,
    )
    with answer:
        answer.raise_for_status()
        yield cast(IO[bytes], answer.raw)


def _unpack(stream: IO[bytes], folder: Path, limits: OutputLimits) -> None:
    """Unpack files and folders; links are left out, as they are in every result."""
    size = entries = 0
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            if member.type in _LINKS or member.name in (".", "./"):
                continue
            size, entries = size + member.size, entries + 1
            if size > limits.size or entries > limits.entries:
                raise ExecutionError(
                    Cause.APP_OUTPUT_TOO_LARGE,
                    f"output may hold {limits.entries} entries and {limits.size} bytes",
                    field="output",
                    value=f"{entries} entries, {size} bytes",
                )
            if _depth(member) > MAX_DEPTH:  # soon too deep for this process to remove again
                raise _invalid(member, f"may nest {MAX_DEPTH} folders deep")
            try:
                _write(archive, member, folder)
            except ValueError as error:
                raise _invalid(member, f"must be a file or a folder: {error}") from error
            except OSError as error:
                if error.errno not in _BROKEN_PLACES:
                    raise
                raise _invalid(member, f"must have a place: {error.strerror}") from error


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Make a file or folder; Debian 12's Python has no filters of `tarfile`."""
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise ValueError("its name leads elsewhere")
    target = folder / name
    if member.isdir():
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        return
    content = archive.extractfile(member)
    if content is None:
        raise ValueError("it is neither")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target.touch(0o700 if member.mode & 0o111 else 0o600, exist_ok=False)
    with target.open("wb") as file:
        shutil.copyfileobj(content, file)


def _depth(member: tarfile.TarInfo) -> int:
    """Return how many folders are one in the other as far as a member."""
    return len(PurePosixPath(member.name).parts) - (not member.isdir())


def _invalid(member: tarfile.TarInfo, rule: str) -> ExecutionError:
    return ExecutionError(Cause.OUTPUT_TREE_INVALID, rule, field="output", value=member.name)


def _empty_files(names: list[str]) -> bytes:
    """Pack empty files of this process's user."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.uid, member.gid = os.geteuid(), os.getegid()
            archive.addfile(member)
    return content.getvalue()
