"""`poco worker`: work for a workerpool."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from poco.actors.options import Money
from poco.cli.accounts import account_options, open_account
from poco.command_line import stopped_by_signals

__all__ = ["command"]

_GIB = 1024**3


_EXAMPLE = """Example: poco worker --scheduler http://127.0.0.1:13000 --rpc http://127.0.0.1:8545
--keystore worker.json --slots 4 --deposit '5 RLC'"""


@click.command(context_settings={"auto_envvar_prefix": "POCO"}, epilog=_EXAMPLE)
@click.option("--scheduler", required=True, metavar="URL", help="The pool's scheduler.")
@click.option("--rpc", required=True, metavar="URL", help="Node of the chain; several with commas.")
@click.option(
    "--deployment",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Address book  [default: deployments/CHAIN.json]",
)
@account_options
@click.option("--name", default="worker", show_default=True, help="What the scheduler calls it.")
@click.option(
    "--slots",
    default=1,
    show_default=True,
    type=click.IntRange(1, 1024),
    help="Tasks computed at a time.",
)
@click.option(
    "--memory",
    default=_GIB,
    show_default=True,
    type=click.IntRange(1),
    metavar="BYTES",
    help="Memory of a task.",
)
@click.option(
    "--cpus",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.01),
    help="Processors of a task.",
)
@click.option(
    "--disk",
    default=_GIB,
    show_default=True,
    type=click.IntRange(0),
    metavar="BYTES",
    help="Free disk that a task needs to be taken.",
)
@click.option("--deposit", type=Money(), help="Free stake to hold, such as '5 RLC'.")
@click.option(
    "--workdir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("worker"),
    show_default=True,
    help="Journal and files.",
)
@click.option("--gpu", is_flag=True, help="Offer the host's GPUs.")
@click.option(
    "--simulated-enclave",
    is_flag=True,
    help="Take tasks for an enclave, without one. Protects nothing.",
)
@click.option(
    "--allow-private-network", is_flag=True, help="Fetch inputs from private addresses, too."
)
@click.option(
    "--allow-network",
    multiple=True,
    metavar="CIDR",
    help="Fetch inputs from this network, too.",
)
@click.option("--ipfs-gateway", multiple=True, metavar="URL", help="Instead of the public ones.")
@click.option(
    "--app-network",
    multiple=True,
    metavar="HOST:PORT",
    help="Let containers reach this, and nothing else  [default: no network]",
)
@click.option(
    "--registry",
    multiple=True,
    metavar="HOST",
    help="Pull images from this registry only; accounts are those of docker login.",
)
@click.option(
    "--image-cache",
    default=20 * _GIB,
    show_default=True,
    type=click.IntRange(0),
    metavar="BYTES",
    help="Of pulled images; those that were not used for longest make room.",
)
@click.option("--allow-files", is_flag=True, help="Run WASM modules that are files of this host.")
@click.option(
    "--cheat", is_flag=True, help="Contribute something else than the result, to show what follows."
)
@click.option(
    "--poll",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.01),
    help="Seconds between two looks for a new block.",
)
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    help="Serve /health and /metrics there  [default: not at all]",
)
@click.option("--metrics-host", default="127.0.0.1", show_default=True, help="Interface for these.")
def command(
    scheduler: str,
    rpc: str,
    deployment: Path | None,
    keystore: Path | None,
    passphrase_file: Path | None,
    private_key_file: Path | None,
    account: str | None,
    name: str,
    slots: int,
    memory: int,
    cpus: float,
    disk: int,
    deposit: int | None,
    workdir: Path,
    gpu: bool,
    simulated_enclave: bool,
    allow_private_network: bool,
    allow_network: tuple[str, ...],
    ipfs_gateway: tuple[str, ...],
    app_network: tuple[str, ...],
    registry: tuple[str, ...],
    image_cache: int,
    allow_files: bool,
    cheat: bool,
    poll: float,
    metrics_port: int | None,
    metrics_host: str,
) -> None:
    """Work for a workerpool: compute, contribute, reveal, upload, get paid.

    The first SIGTERM or Ctrl-C takes no more tasks and ends when those it has are settled; the
    second ends at once, and the next start goes on from the journal. Every option can also be given
    by a variable, such as POCO_SCHEDULER for --scheduler.
    """
    from poco.actors.worker import other_digest
    from poco.contracts import Market
    from poco.fetching import PUBLIC_GATEWAYS, Fetcher, FetchPolicy
    from poco.orders import FRAMEWORKS, GPU, TEE, Tag
    from poco.runtimes import ImageCache, PullPolicy, available_runtimes
    from poco.scheduler.client import SchedulerClient
    from poco.web import serving
    from poco.worker import startup
    from poco.worker.agent import WorkerAgent
    from poco.worker.computation import Equipment
    from poco.worker.monitoring import worker_app

    key = open_account(keystore, passphrase_file, private_key_file, account)
    market = Market.connect(rpc, book=deployment).acting_as(key)
    policy = FetchPolicy(
        allow_private=allow_private_network,
        allowed_networks=allow_network,
        gateways=ipfs_gateway or PUBLIC_GATEWAYS,
    )
    fetcher = Fetcher(policy)
    runtimes = available_runtimes(
        allow_files=allow_files,
        fetcher=fetcher,
        cache=workdir / "modules",
        pulls=PullPolicy(registries=frozenset(registry) or None),
        network=app_network,
        images=ImageCache(workdir / "images.json", image_cache),
    )
    equipment = Equipment(
        runtimes,
        fetcher,
        workdir,
        memory=memory,
        cpus=cpus,
        falsify=other_digest if cheat else lambda digest: digest,
    )
    tags = (GPU if gpu else Tag(0)) | (TEE | FRAMEWORKS if simulated_enclave else Tag(0))
    with ExitStack() as stack:
        stack.enter_context(startup.alone_in(workdir))
        startup.check_host(equipment, disk)
        if deposit is not None:
            _deposit(market, deposit)
        startup.check_market(market, report=_say)
        agent = WorkerAgent(
            market,
            key,
            SchedulerClient(scheduler, key),
            equipment,
            startup.capability_of(equipment, name, slots=slots, tags=tags),
            disk=disk,
            poll_seconds=poll,
            report=_say,
        )
        _say(f"worker {key.address} runs {' and '.join(runtimes)} apps for {scheduler}")
        if simulated_enclave:
            _say("its enclave is SIMULATED: it protects nothing from whoever runs this worker")
        if metrics_port is not None:
            monitor = serving(worker_app(agent), host=metrics_host, port=metrics_port)
            _say(f"health and metrics on {stack.enter_context(monitor)}")
        agent.run(*stopped_by_signals())


def _deposit(market: Any, amount: int) -> None:
    missing = amount - market.hub.account(market.account).stake
    if missing > 0:
        market.deposit(missing)
        _say(f"deposited {missing} nRLC")


def _say(text: str) -> None:
    click.echo(text)
