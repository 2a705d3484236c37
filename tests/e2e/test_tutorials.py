"""The tutorials of the original: their commands in their order, ``poco`` in place of ``iexec``.

What they do at sites that are gone or far away is done on this machine: the market is that of
``poco up``, images stay here or go to a registry of the test, files come from a server of the test.
"""

from __future__ import annotations

import json
import re
import shlex
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from local_images import base_with_python, image_registry
from support.pages import ROOT, blocks
from tutorial_stage import (
    ADDRESS,
    APPS,
    BASES,
    HAS_ENGINE,
    ID,
    YES,
    Reader,
    analyse_by_hand,
    build_and_test,
    debugged,
    found,
    market_of_poco_up,
    module_or_image,
    play,
    transcode_by_hand,
)

from poco.http_server import serve_files
from poco.local.info import StackInfo

ENGINE = [base_with_python] if HAS_ENGINE else []
LANGUAGES = [*BASES] if HAS_ENGINE else ["wasm"]
SHOW_VARIABLES = """
import json, os
shown = {name: value for name, value in os.environ.items() if name.startswith("IEXEC_")}
path = shown["IEXEC_OUT"] + "/result.txt"
json.dump(shown, open(path, "w"))
json.dump({"deterministic-output-path": path}, open(shown["IEXEC_OUT"] + "/computed.json", "w"))
"""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackInfo]:
    with market_of_poco_up(tmp_path_factory.mktemp("home")) as market:
        yield market


@pytest.fixture
def reader(up: StackInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "iexec-projects"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Reader(folder, up)


def test_tutorial_of_v2__app_with_cmdline_and_dirinuri__transcodes_a_movie(reader: Reader) -> None:
    kind, image = module_or_image(reader, "v2-transcode")
    run = reader.type
    if HAS_ENGINE:
        transcode_by_hand(reader, image)
    run("poco init --unencrypted")
    run("poco account deposit 10")
    (reader.folder / "iexec.json").unlink()
    with serve_files({"small.zip": APPS / "v2-transcode" / "samples" / "small.zip"}) as files:
        (reader.folder / "iexec.js").write_text(
            f"""module.exports = {{
              "app": {{
                "name": "Ffmpeg",
                "price": 10,
                "params": {{
                  "type": "{kind}",
                  "envvars": "XWDOCKERIMAGE={image}"
                }}
              }},
              "order": {{
                "buy": {{
                  "app": "0xXXXXXXXXXXXXXXXXXXX",
                  "dataset": "0x0000000000000000000000000000000000000000",
                  "params": {{
                    "cmdline": "-i /iexec/small.ppm /iexec/small.pgm",
                    "dirinuri": "{files.url_of("small.zip")}"
                  }}
                }}
              }}
            }};"""
        )
        app = found(f"app at address {ADDRESS}", run("poco app deploy"))
        assert image in run("poco app show")
        reader.replace("iexec.js", "0xXXXXXXXXXXXXXXXXXXX", app)
        run("poco order sign --app --request")
        assert app in run("poco order publish --app", YES)
        deal = found(f"deal {ID}", run("poco order match --fill", YES))
        task = found(f"taskid.*{ID}", run(f"poco deal show {deal} --watch"))
        reader.download(task, "work")
    assert (reader.folder / "work" / "small.pgm").read_bytes().startswith(b"P5")
    assert reader.read("work/consensus.iexec")


def test_tutorial_of_v3__app_and_dataset_with_orders__are_sold_and_run(reader: Reader) -> None:
    kind, image = module_or_image(reader, "v3-nilearn")
    run = reader.type
    run("poco init --skip-wallet")
    developer, owner = reader.wallet("developper_wallet"), reader.wallet("data_owner_wallet")
    checksum = "0x" + 64 * "0"
    samples = APPS / "v3-nilearn" / "samples"
    served = {name: samples / name for name in ("scan.txt", "atlas.txt")}
    if HAS_ENGINE:
        analyse_by_hand(reader, image, samples)
    with image_registry() as registry, serve_files(served) as files:
        if HAS_ENGINE:
            hub, image = image, f"{registry}/iexechub/nilearn:1.0"
            reader.shell(f"docker tag {hub} {image}")
            reader.shell(f"docker push {image}")
            checksum = reader.shell(
                f"docker pull {image} | grep 'Digest: sha256:' | sed 's/.*sha256:/0x/'"
            ).strip()
            reader.shell(f"docker rmi {hub} {image}")  # workers pull it

        run("poco app init --wallet-file developper_wallet")
        reader.edit(
            "app", owner=developer, name="Nilearn", type=kind, multiaddr=image, checksum=checksum,
            mrenclave="",
        )  # fmt: skip
        deployed = run("poco app deploy --wallet-file developper_wallet")
        app = found(f"app at address {ADDRESS}", deployed)
        assert app in run("poco order init --app --wallet-file developper_wallet")
        run("poco order sign --app --wallet-file developper_wallet")
        run("poco order publish --app --wallet-file developper_wallet", YES)

        run("poco init --skip-wallet --force")
        run("poco dataset init --wallet-file data_owner_wallet")
        reader.edit(
            "dataset",
            owner=owner,
            name="Neurovault_brainstatsmaps",
            multiaddr=files.url_of("atlas.txt"),
            checksum="0x" + 64 * "0",
        )
        deployed = run("poco dataset deploy --wallet-file data_owner_wallet")
        dataset = found(f"dataset at address {ADDRESS}", deployed)
        run("poco order init --dataset --wallet-file developper_wallet")
        reader.edit("order.datasetorder", dataset=dataset, datasetprice=2, tag="0x" + 64 * "0")
        run("poco order sign --dataset --wallet-file data_owner_wallet")
        asked = run("poco order publish --dataset --wallet-file data_owner_wallet", YES)
        assert re.search(r"datasetprice\W+2\b", asked)

        reader.wallet("requester_wallet")
        run("poco account deposit 2 --wallet-file requester_wallet")
        scan = files.url_of("scan.txt")
        bought = run(
            f"poco app run {app} --dataset {dataset} --input-files {scan} --watch "
            "--wallet-file requester_wallet",
            YES,
        )
        task = found(f"task {ID} COMPLETED", bought)
        reader.download(task, "out")
    if HAS_ENGINE:
        reader.shell(f"docker rmi {image.removesuffix(':1.0')}@sha256:{checksum[2:]}")
    assert "frontal" in reader.read("out/regions.tsv")
    assert reader.read("out/determinism.iexec")


def test_tutorial_of_inputs__encrypted_dataset_and_secrets__reach_the_app(reader: Reader) -> None:
    run, echo = reader.type, reader.info.e2e["app"]
    run("poco init --unencrypted")
    run("poco app init")
    reader.edit(
        "app", name="inputs", type=echo.type, multiaddr=echo.multiaddr, checksum=echo.checksum
    )
    run("poco app deploy")
    run("poco app push-secret --secret-value 'of the developer'")
    run("poco app publish --tag tee,tdx", YES)

    run("poco dataset init --encrypted")
    (reader.folder / "datasets/original/myAwsomeDataset.file").write_text("treasure")
    run("poco dataset encrypt")
    reader.shell("cat ./.secrets/datasets/myAwsomeDataset.file.key")
    reader.shell("ls -lh ./datasets/encrypted/myAwsomeDataset.file.enc")
    locked = reader.folder / "datasets/encrypted/myAwsomeDataset.file.enc"
    shared = {"file.txt": reader.folder / "chain.json", "image.jpeg": reader.folder / "iexec.json"}
    with serve_files(shared | {"data.enc": locked}) as files:
        reader.edit("dataset", multiaddr=files.url_of("data.enc"))
        dataset = found(
            f"dataset at address {ADDRESS}", run(f"poco dataset deploy --checksum {locked}")
        )
        run("poco dataset push-secret")
        assert "has a key" in run("poco dataset check-secret")
        run("poco dataset publish --tag tee,tdx", YES)

        for name in ("my-login", "my-password"):
            run(f"poco requester push-secret {name} --secret-value '{name} of the requester'")
        run("poco order init --request")
        urls = [files.url_of(name) for name in shared]
        reader.edit(
            "order.requestorder",
            dataset=dataset,
            datasetmaxprice="0",
            tag=["tee", "tdx"],
            params={
                "iexec_args": "do something",
                "iexec_input_files": urls,
                "iexec_secrets": {"1": "my-login", "2": "my-password"},
            },
        )
        run("poco order sign --request")
        deal = found(f"deal {ID}", run("poco order match --fill", YES))
        task = found(f"taskid.*{ID}", run(f"poco deal show {deal} --watch"))
    reader.download(task, "result")
    result = reader.folder / "result"
    lines = (result / "result.txt").read_text().splitlines()
    assert lines[:2] == ["argument do", "argument something"]
    for line in (
        "file file.txt",
        "file image.jpeg",
        f"dataset {dataset.lower()}",
        "treasure",
        "app secret of the developer",
        "requester secret 1 my-login of the requester",
        "requester secret 2 my-password of the requester",
    ):
        assert line in lines
    assert {"stdout.txt", "stderr.txt", "computed.json"} < {it.name for it in result.iterdir()}


@pytest.mark.parametrize("base", ENGINE)
def test_tutorials__variables_that_they_name__reach_the_app(
    reader: Reader, base: Callable[[], str]
) -> None:
    """The app is an interpreter, and the argument line its program."""
    run = reader.type
    run("poco init --unencrypted")
    run("poco app init")
    reader.edit("app", name="interpreter", multiaddr=base())
    run("poco app deploy --checksum auto")
    run("poco dataset init")
    names = ("file-A.txt", "file-B.zip", "data.csv")
    with serve_files(dict.fromkeys(names, reader.folder / "chain.json")) as files:
        reader.edit("dataset", multiaddr=files.url_of("data.csv"))
        dataset = found(f"dataset at address {ADDRESS}", run("poco dataset deploy"))
        urls = ",".join(files.url_of(name) for name in names[:2])
        words = f"--dataset deployed --input-files {urls} --volume 2 --watch"
        line = shlex.quote(f"python3 -c '{SHOW_VARIABLES}'")
        done = run(f"poco app run {words} --args {line}", YES)
    tasks = re.findall(f"task {ID} COMPLETED", done)
    assert len(tasks) == 2
    for index, task in enumerate(tasks):
        run(f"poco task show {task} --download {index}")
        with zipfile.ZipFile(f"{index}.zip") as archive:
            variables = json.loads(archive.read("result.txt"))
        assert (
            variables.items()
            >= {
                "IEXEC_IN": "/iexec_in",
                "IEXEC_OUT": "/iexec_out",
                "IEXEC_TASK_ID": task,
                "IEXEC_INPUT_FILES_FOLDER": "/iexec_in",
                "IEXEC_INPUT_FILES_NUMBER": "2",
                "IEXEC_NB_INPUT_FILES": "2",
                "IEXEC_INPUT_FILE_NAME_1": "file-A.txt",
                "IEXEC_INPUT_FILE_NAME_2": "file-B.zip",
                "IEXEC_DATASET_FILENAME": "data.csv",
                "IEXEC_DATASET_ADDRESS": dataset.lower(),
                "IEXEC_BOT_SIZE": "2",
                "IEXEC_BOT_FIRST_INDEX": "0",
                "IEXEC_BOT_TASK_INDEX": str(index),
            }.items()
        )


@pytest.mark.parametrize("language", LANGUAGES)
def test_tutorial_of_v5__first_application__is_built_run_and_published(
    reader: Reader, language: str
) -> None:
    run = reader.type
    if HAS_ENGINE:
        kind, image = "DOCKER", build_and_test(reader, language)
    else:
        kind, image = module_or_image(reader, "echo")
    run("poco init --unencrypted")
    run("poco app init")
    reader.edit("app", name=f"my-hello-world in {language}", type=kind, multiaddr=image)
    deployed = run("poco app deploy --checksum auto --chain bellecour")
    app = found(f"app at address {ADDRESS}", deployed)
    assert image in run("poco app show --chain bellecour")
    assert "COMPLETED" in run("poco app run --watch --chain bellecour", YES)
    served = dict.fromkeys(("file-A.txt", "file-B.zip"), reader.folder / "chain.json")
    with serve_files(served) as files:
        urls = ",".join(files.url_of(name) for name in served)
        done = reader.shell(
            "yes | poco app run --watch --chain bellecour "
            f"--args 'dostuff --with-option' --input-files {urls}"
        )
    taskid = found(f"task {ID} COMPLETED", done)
    reader.download(taskid, "my-app-result", "--chain bellecour")
    result = reader.read("my-app-result/result.txt")
    for line in (
        "argument dostuff",
        "argument --with-option",
        "file file-A.txt",
        "file file-B.zip",
    ):
        assert line in result.splitlines()
    assert found("(done|Hello, dostuff!)", debugged(reader, taskid))
    run("poco app publish --chain bellecour", YES)
    assert "1 open apporder" in run(f"poco orderbook app {app} --chain bellecour")


def test_readme__quick_start__answers_as_it_shows(reader: Reader) -> None:
    [session] = [block for block in blocks(ROOT / "README.md", "console") if "poco up" in block]
    play(reader, session[session.index("$ poco init") : session.index("$ poco down")])


@pytest.mark.parametrize("base", ENGINE)
def test_page_of_app_builders__from_the_app_to_its_result__answers_as_it_shows(
    reader: Reader, base: Callable[[], str]
) -> None:
    page = ROOT / "docs" / "app-builders.md"
    (reader.folder / "app.py").write_text(blocks(page, "py")[0])
    (reader.folder / "Dockerfile").write_text(blocks(page, "dockerfile")[0])
    attempt, bought, *_ = blocks(page, "console")
    run = reader.type
    run("poco init --unencrypted")
    run("poco account deposit 5 RLC")
    play(reader, attempt, base=base())
    run("poco app init")
    reader.edit("app", name="word-count", multiaddr="word-count:1")
    run("poco app deploy --checksum auto")
    run("poco app publish --price 0.1 RLC --volume 100 --force")
    play(reader, bought)
