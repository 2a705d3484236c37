"""The folders of one task on the host (spec offchain §1.2)."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["TaskFolders", "remove_tree"]


@dataclass(frozen=True, slots=True)
class TaskFolders:
    """Where one task lives; only the two leaves are open to the app's user.

    Attributes:
        base: folder of the task, private to the worker.
        input: what the app reads.
        output: what it writes, and for v2 reads, too.
        archive: the packed result.
    """

    base: Path
    input: Path
    output: Path
    archive: Path

    @classmethod
    def find(cls, workdir: Path, task_id: bytes) -> TaskFolders:
        """Name the folders of a task, which may exist or not."""
        base = workdir.absolute() / f"0x{task_id.hex()}"
        output = base / "output"
        return cls(base, base / "input", output / "iexec_out", output / "iexec_out.zip")

    @classmethod
    def create(cls, workdir: Path, task_id: bytes) -> TaskFolders:
        """Create the folders of a task in the place of older ones."""
        folders = cls.find(workdir, task_id)
        if folders.base.exists():
            remove_tree(folders.base)
        for parent in (folders.base, folders.output.parent):
            parent.mkdir(mode=0o700, parents=True)
        folders.input.mkdir()
        folders.input.chmod(0o755)  # whatever the worker's umask, images that are not root read
        folders.output.mkdir()
        folders.output.chmod(0o777)  # and write
        return folders

    @property
    def note(self) -> Path:
        """What was laid out for the app; written when that is complete."""
        return self.base / "inputs.json"

    @property
    def encrypted_archive(self) -> Path:
        """The packed result, encrypted for the beneficiary."""
        return self.archive.with_name("encrypted-iexec_out.zip")

    def reject_output(self) -> Path:
        """Put what the app left aside for an empty output folder, and return where it is now."""
        rejected = self.output.with_name("rejected")
        self.output.rename(rejected)
        self.output.mkdir()
        return rejected


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that an app has left in it, however deep.

    `shutil.rmtree` goes down as deep as the app went, to the end of the stack or of the file
    descriptors. Here each folder is moved to the top before it is looked into.

    Raises:
        OSError: something cannot be removed.
    """
    moved = Path(tempfile.mkdtemp(dir=folder))
    found = [folder]
    for number, current in enumerate(found):
        with os.scandir(current) as listing:
            entries = list(listing)
        for place, entry in enumerate(entries):
            path = Path(entry.path)
            if path == moved:
                continue
            if entry.is_dir(follow_symlinks=False):
                found.append(path.rename(moved / f"{number}-{place}"))
            else:
                path.unlink()
    for current in (*found[1:], moved, folder):
        current.rmdir()
