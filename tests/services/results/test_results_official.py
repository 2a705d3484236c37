"""The unmodified `iexec` command downloads from the store by the link on chain."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from eth_account import Account
from results_stage import ENCLAVE

from poco.appio.encryption import encrypt_result, generate_result_keypair

if TYPE_CHECKING:
    from results_stage import Archive, Shop, Town

CLIENT = Path(__file__).parents[3] / "node_modules" / ".bin" / "iexec"


@pytest.fixture
def project(town: Town, shop: Shop, tmp_path: Path) -> Path:
    """A folder of the official client, configured for this market."""
    folder = tmp_path / "project"
    keystore = folder / ".ethereum" / "keystore"
    keystore.mkdir(parents=True)
    wallet = Account.encrypt(town.keys["requester"].key, "password", "pbkdf2", 1)
    (keystore / "wallet.json").write_text(json.dumps(wallet))
    chain = {
        "id": str(town.market.chain.chain_id),
        "host": town.market.chain.url,
        "hub": town.market.hub.address,
        "ipfsGateway": shop.url,
    }
    document = {"default": "local", "chains": {"local": chain}}
    (folder / "chain.json").write_text(json.dumps(document))
    return folder


def iexec(project: Path, *arguments: str) -> Any:
    """Run the client and return what it prints as JSON."""
    done = subprocess.run(
        [str(CLIENT), *arguments, "--wallet-file=wallet.json", "--password=password", "--raw"],
        cwd=project,
        env=os.environ | {"HOME": str(project)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_task_show__download__is_the_archive(
    town: Town, shop: Shop, archive: Archive, project: Path
) -> None:
    taskid = town.task()
    link = shop.upload("worker_1", taskid, archive)
    town.finish("worker_1", taskid, archive.digest, link)
    answer = iexec(project, "task", "show", f"0x{taskid.hex()}", "--download", "mine")
    assert answer["task"]["results"] == json.loads(link)
    assert (project / "mine.zip").read_bytes() == archive.path.read_bytes()


def test_task_show__download_and_decrypt__is_the_plain_archive(
    town: Town, shop: Shop, archive: Archive, project: Path, tmp_path: Path
) -> None:
    beneficiary = town.keys["requester"].address
    private, public = generate_result_keypair(tmp_path / "keys", beneficiary)
    taskid = town.tee_task(iexec_result_encryption=True)
    encrypt_result(archive.path, tmp_path / "sealed.zip", public.read_bytes())
    sealed = replace(archive, path=tmp_path / "sealed.zip")
    link = shop.upload("worker_1", taskid, sealed, enclave=ENCLAVE)
    town.finish_in_enclave("worker_1", taskid, archive.digest, link)
    options = ["--decrypt", "--beneficiary-key-file", private.name]
    options += ["--beneficiary-keystoredir", str(private.parent)]
    iexec(project, "task", "show", f"0x{taskid.hex()}", "--download", "mine", *options)
    with zipfile.ZipFile(project / "mine.zip") as found:
        assert found.read("result/a.txt") == b"alpha\n"
