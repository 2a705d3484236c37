"""`poco app run` and `poco app request-execution`: buy tasks, now or at a limit price."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from poco.cli.assets import chosen
from poco.cli.downloading import download_results
from poco.cli.selling import PricedCommand, force_option, preflight_option
from poco.cli.shell import Shell, chain_options, output_options, tx_options, wallet_options
from poco.cli.watching import watch_deal
from poco.errors import UserInputError

if TYPE_CHECKING:
    from eth_typing import ChecksumAddress

    from poco.market.offers import RunTerms
    from poco.market.publishing import Filled
    from poco.market.states import TaskState
    from poco.orders import RequestOrder, Tag, TaskId
    from poco.project import Kind

__all__ = ["request_execution", "run"]

F = TypeVar("F", bound=Callable[..., Any])

_DEPLOYED = "deployed"
_SECRET = "--secret"  # noqa: S105 (the name of an option)


class _Command(PricedCommand):
    """A command that takes several secrets after one option: ``--secret 1=login 2=password``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the option before each secret, then parse as usual."""
        repeated: list[str] = []
        in_secrets = False
        for word in args:
            if word.startswith("-"):
                in_secrets = word.partition("=")[0] == _SECRET
            elif in_secrets and "=" in word and repeated[-1] != _SECRET:
                repeated.append(_SECRET)
            repeated.append(word)
        return super().parse_args(ctx, repeated)


def _request_options(function: F) -> F:
    """Add what a request is made of."""
    for option in (
        click.option("--params", default="", metavar="JSON", help="Further parameters."),
        click.option("--beneficiary", metavar="ADDRESS", help="Whom the result is for."),
        click.option("--trust", default=0, type=click.IntRange(0), help="Demanded trust."),
        click.option(
            "--encrypt-result", is_flag=True, help="Encrypt the result; tasks with tag tee only."
        ),
        click.option("--callback", metavar="ADDRESS", help="Contract that gets the result."),
        click.option("--storage-provider", metavar="NAME", help="Of the result: ipfs or dropbox."),
        click.option("--tag", default="", metavar="FLAGS", help="For example tee,tdx or gpu."),
        click.option(
            "--volume", default=1, show_default=True, type=click.IntRange(1), help="Tasks."
        ),
        click.option(
            _SECRET,
            "secrets",
            multiple=True,
            metavar="N=NAME...",
            help="Your secrets by the number the app sees; tasks with tag tee only.",
        ),
        click.option("--input-files", metavar="URL,…", help="Files for the app."),
        click.option("--args", metavar="LINE", help="Argument line of the app."),
        click.option("--workerpool", metavar="ADDRESS", help='Only this one, or "deployed".'),
        click.option("--dataset", metavar="ADDRESS", help='Dataset, or "deployed".'),
    ):
        function = option(function)
    return function


@click.command(
    "run",
    cls=_Command,
    epilog='Example: poco app run ADDRESS --args "hello world" --watch',
)
@click.argument("app", required=False)
@_request_options
@click.option(
    "--category",
    type=click.IntRange(0),
    help="Category of the tasks  [default: the first that is offered]",
)
@click.option("--watch", is_flag=True, help="Wait for the tasks; fail when one fails.")
@click.option(
    "--download",
    is_flag=False,
    flag_value=".",
    metavar="[FOLDER]",
    help="Wait, and download the results as TASKID.zip  [default: this folder]",
)
@preflight_option
@force_option
@wallet_options
@chain_options
@tx_options
@output_options
def run(
    shell: Shell,
    /,
    app: str | None,
    category: int | None,
    watch: bool,
    download: str | None,
    skip_preflight_check: bool,
    force: bool,
    **wish: Any,
) -> None:
    """Run an app (by default the last one deployed) at the best price of the order book.

    What you own costs nothing. Nothing is sent before all rules are checked.
    """
    from poco.market.running import carry_out, plan_run

    folder = None if download is None else _download_folder(shell, download)
    terms = _terms(shell, chosen(shell, "app", app), category, wish)
    book = shell.orderbook if shell.chain.iexec_gateway else None
    market = shell.market  # asks for a passphrase, before a live line is there
    with shell.progress("looking for offers"):
        plan = plan_run(market, shell.account, terms, book)
    if not skip_preflight_check:
        _preflight(shell, plan.request, plan.tag)
    shell.confirm(
        f"Run {terms.volume} task(s) of app {terms.app} in category {plan.request.category} for "
        f"{plan.cost} nRLC?",
        force,
    )
    deals: list[Filled] = []
    with shell.progress("making deals") as tell:
        for deal in carry_out(market, plan):
            deals.append(deal)
            tell(f"deal 0x{deal.dealid.hex()[:8]}…: {deal.volume} task(s)")
    _answer(shell, deals, watch or folder is not None, folder)


def _download_folder(shell: Shell, name: str) -> Path:
    """Return where results go; nothing is bought whose result could not be kept."""
    from poco.market import require_writable_folder

    if name.startswith("0x"):
        raise UserInputError(
            "a folder is needed, and this reads like an address",
            field="--download",
            value=name,
            remedy="write the app before the options, or name a folder: --download .",
        )
    shell.chain.require("ipfsGateway")
    folder = Path.cwd() / name
    require_writable_folder(folder)
    return folder


def _answer(shell: Shell, deals: Sequence[Filled], watch: bool, folder: Path | None) -> None:
    document: dict[str, Any] = {
        "deals": [
            {
                "dealid": f"0x{deal.dealid.hex()}",
                "volume": str(deal.volume),
                "txHash": deal.transaction,
            }
            for deal in deals
        ]
    }
    lines = [f"deal 0x{deal.dealid.hex()}: {deal.volume} task(s)" for deal in deals]
    troubles: list[str] = []
    if watch:
        states = [watch_deal(shell, deal.dealid) for deal in deals]
        tasks = [task for state in states for task in state.tasks]
        troubles = [trouble for state in states for trouble in state.troubles]
        archives: dict[TaskId, Path] = {}
        if folder is not None:
            archives, missing = download_results(shell, tasks, folder)
            troubles += missing
        document["tasks"] = [_told(task, archives.get(task.taskid)) for task in tasks]
        if failed := [task.to_json() for task in tasks if task.trouble]:
            document["failedTasks"] = failed
        lines += [f"task 0x{task.taskid.hex()} {task.name}" for task in tasks]
        lines += [f"result {archive}" for archive in archives.values()]
    shell.done(document, "\n".join(lines), failures=troubles)


def _told(task: TaskState, archive: Path | None) -> dict[str, Any]:
    result = {} if archive is None else {"resultPath": str(archive)}
    return task.to_json() | result


@click.command(
    "request-execution",
    cls=_Command,
    epilog="Example: poco app request-execution ADDRESS --workerpool-price 0.1 RLC --force",
)
@click.argument("app")
@_request_options
@click.option("--category", default=0, show_default=True, type=click.IntRange(0))
@click.option("--app-price", default="0", show_default=True, help="Most per task, nRLC or unit.")
@click.option("--dataset-price", default="0", show_default=True, help="Most per task.")
@click.option("--workerpool-price", default="0", show_default=True, help="Most per task.")
@preflight_option
@force_option
@wallet_options
@chain_options
@output_options
def request_execution(
    shell: Shell,
    /,
    app: str,
    category: int,
    app_price: str,
    dataset_price: str,
    workerpool_price: str,
    skip_preflight_check: bool,
    force: bool,
    **wish: Any,
) -> None:
    """Publish a request to run APP at a limit price."""
    from poco.cli.selling import publish_order
    from poco.market.offers import requested
    from poco.project import parse_token

    terms = _terms(shell, chosen(shell, "app", app), category, wish)
    request = requested(
        terms,
        shell.address,
        app_price=parse_token(app_price),
        dataset_price=parse_token(dataset_price),
        workerpool_price=parse_token(workerpool_price),
    )
    if not skip_preflight_check:
        _preflight(shell, request, request.tag)
    publish_order(shell, request, force)


def _terms(
    shell: Shell, app: ChecksumAddress, category: int | None, wish: dict[str, Any]
) -> RunTerms:
    from poco.market.offers import RunTerms
    from poco.market.parameters import write_params
    from poco.orders import ZERO_ADDRESS, Tag, checked_address

    callback, beneficiary = wish["callback"], wish["beneficiary"]
    params = write_params(
        wish["params"],
        args=wish["args"],
        input_files=[url for url in (wish["input_files"] or "").split(",") if url],
        secrets=dict(_secret(text) for text in wish["secrets"]),
        storage_provider=wish["storage_provider"],
        encrypt_result=wish["encrypt_result"],
        has_callback=callback is not None,
    )
    return RunTerms(
        app=app,
        params=params,
        dataset=_asset(shell, "dataset", wish["dataset"]),
        workerpool=_asset(shell, "workerpool", wish["workerpool"]),
        category=category,
        tag=Tag.parse(wish["tag"], field="--tag"),
        trust=wish["trust"],
        volume=wish["volume"],
        beneficiary=None if beneficiary is None else checked_address("--beneficiary", beneficiary),
        callback=ZERO_ADDRESS if callback is None else checked_address("--callback", callback),
    )


def _asset(shell: Shell, asset: Kind, given: str | None) -> ChecksumAddress:
    from poco.orders import ZERO_ADDRESS

    if given is None:
        return ZERO_ADDRESS
    return chosen(shell, asset, None if given == _DEPLOYED else given)


def _secret(text: str) -> tuple[int, str]:
    number, equals, name = text.partition("=")
    if not (equals and name and number.isascii() and number.isdecimal() and int(number) > 0):
        raise UserInputError(
            "a secret is N=NAME with a number N from 1",
            field=_SECRET,
            value=text,
            remedy="for example --secret 1=login 2=password",
        )
    return int(number), name


def _preflight(shell: Shell, request: RequestOrder, tag: Tag) -> None:
    """Check that the secrets are set; without any, no service is needed."""
    from poco.market.preflight import needed_secrets, require_secrets
    from poco.services.secrets.client import SecretsClient

    if needs := needed_secrets(request, tag):
        with closing(SecretsClient(shell.secrets_url)) as secrets:
            require_secrets(secrets, needs)
