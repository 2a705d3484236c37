"""The story: everybody trades, works, cheats or is late, and the chain settles it.

What is bought, in order (amounts in RLC):

1. two tasks at trust 1: one is settled in one transaction, one by contribute, reveal, finalize;
2. twelve tasks at trust 3, done by worker 1 and worker 2: it earns them a reputation of 12 each;
3. one task at trust 3 by three workers, of which the first to contribute cheats;
4. one task that no worker does: the requester claims the money back after the final deadline.

Why part 2: contributions of newcomers weigh 2. Against one dissenter at trust 3 a group must weigh
more than (1 + 2) * (3 - 1) = 6, and two newcomers together weigh 2 * 2 = 4: three workers of whom
one cheats would never agree. With a reputation of 12 a contribution weighs 3, two of them 9 (spec
contracts §4.5).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poco.contracts import ContributionStatus, Deal, Task, TaskStatus
from poco.contracts.events import FaultyContribution, TaskInitialize
from poco.demo.cast import Cast
from poco.demo.ledger import KITTY, Ledger, changes, in_rlc
from poco.demo.narrator import Narrator
from poco.errors import InternalError
from poco.http_server import FileServer
from poco.local_chain import travel
from poco.market import (
    Offer,
    PackagedApp,
    buy,
    claim_expired,
    collect_result,
    file_checksum,
    register_app,
    register_dataset,
    register_workerpool,
    sign_request,
)
from poco.orders import AppOrder, DatasetOrder, TaskId, WorkerpoolOrder, random_salt, sign_order
from poco.result_archive import inspect_archive
from poco.scheduler import Deadlines, Scheduler, SchedulerClient
from poco.worker.downloads import Downloads
from poco.worker.worker import Worker, other_digest

__all__ = ["INPUT", "KEYS", "Outcome", "Story", "TaskOutcome", "settles_in_one_step"]

INPUT, KEYS = "orders.csv", "regions.txt"
"""The sample app's input file and dataset."""

RLC = 10**9
APP_PRICE, DATASET_PRICE, POOL_PRICE = RLC // 10, RLC // 5, RLC
TASK_PRICE = APP_PRICE + DATASET_PRICE + POOL_PRICE
BAG, APPRENTICESHIP, CONTESTED, EXPIRED = 2, 12, 1, 1
COMPLETED = BAG + APPRENTICESHIP + CONTESTED
VOLUME = COMPLETED + EXPIRED
TRUST = 3
CATEGORY = 0
REQUESTER_DEPOSIT, POOL_DEPOSIT, WORKER_DEPOSIT = 25 * RLC, 10 * RLC, 5 * RLC
ARGUMENTS = "--column price,quantity --key region --bins 8"
_PATIENCE = 50
_MUST_HOLD = frozenset({"stdout.txt", "stderr.txt", "computed.json"})


def settles_in_one_step(deal: Deal, index: int) -> bool:
    """Return whether a task goes through contributeAndFinalize: every second one of trust 1."""
    return deal.trust == 1 and index % 2 == 0


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """What became of a task.

    Args:
        taskid: the task.
        deal: its deal.
        task: its last state on chain.
        archive: the result on disk; None for the expired task.
    """

    taskid: TaskId
    deal: Deal
    task: Task
    archive: Path | None

    def to_json(self) -> dict[str, Any]:
        """Return the outcome for machines."""
        return {
            "taskid": f"0x{self.taskid.hex()}",
            "dealid": f"0x{self.deal.dealid.hex()}",
            "index": self.task.index,
            "trust": self.deal.trust,
            "status": self.task.status.name,
            "workers": list(self.task.contributors),
            "digest": f"0x{self.task.digest.hex()}",
            "archive": None if self.archive is None else str(self.archive),
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the story ended.

    Args:
        tasks: in the order of the story.
        before: balances before the first deal.
        after: balances at the end.
    """

    tasks: tuple[TaskOutcome, ...]
    before: Ledger
    after: Ledger


class Story:
    """Plays the market.

    Args:
        cast: who takes part; nobody has anything yet but the deployer, who holds all tokens.
        app: the sample app.
        samples: folder with its input and its dataset.
        files: where these two are handed out.
        workdir: folder for the workers.
        results: folder for the archives.
        narrator: tells it.
    """

    def __init__(
        self,
        cast: Cast,
        app: PackagedApp,
        samples: Path,
        files: FileServer,
        workdir: Path,
        results: Path,
        narrator: Narrator,
    ) -> None:
        self._cast = cast
        self._app = app
        self._samples = samples
        self._files = files
        self._workdir = workdir
        self._results = results
        self._tell = narrator
        self._hub = cast.requester.market.hub
        self._outcomes: list[TaskOutcome] = []

    # BEFORE THE FIRST DEAL

    def fund(self) -> None:
        """Give everybody tokens, and let those deposit who must."""
        cast, tell = self._cast, self._tell
        tell.chapter("Money")
        deposits = {cast.requester: REQUESTER_DEPOSIT, cast.scheduler: POOL_DEPOSIT}
        deposits |= dict.fromkeys(cast.workers, WORKER_DEPOSIT)
        for person, amount in deposits.items():
            cast.deployer.market.token.transfer(person.address, 2 * amount)
            person.market.deposit(amount)
            tell.line(f"{person.name} has {in_rlc(amount)} RLC and deposits {in_rlc(amount)} more")
        locked = {person: self._hub.account(person.address).stake for person in deposits}
        tell.claim("the hub holds every deposit", locked == deposits)

    def offer(self) -> Offer:
        """Register the assets and sign the orders."""
        cast, tell = self._cast, self._tell
        tell.chapter("Assets and orders")
        app = register_app(
            cast.app_owner.market,
            self._app.name,
            self._app.app_type,
            self._app.multiaddr,
            self._app.checksum,
        ).address
        tell.line(f"app owner registers {self._app.name} ({self._app.app_type}) as {app}")
        dataset = register_dataset(
            cast.dataset_owner.market,
            KEYS,
            self._files.url_of(KEYS),
            file_checksum(self._samples / KEYS, "dataset"),
        ).address
        tell.line(f"dataset owner registers {KEYS} as {dataset}")
        pool = register_workerpool(cast.scheduler.market, "demo pool").address
        tell.line(f"pool owner registers a workerpool as {pool}")
        market = cast.requester.market
        tell.claim(
            "each entry belongs to who registered it",
            market.apps.owner_of(app) == cast.app_owner.address
            and market.datasets.owner_of(dataset) == cast.dataset_owner.address
            and market.workerpools.owner_of(pool) == cast.scheduler.address,
        )
        domain = market.domain
        offer = Offer(
            app=sign_order(
                AppOrder(app=app, appprice=APP_PRICE, volume=VOLUME, salt=random_salt()),
                domain,
                cast.app_owner.account,
            ),
            dataset=sign_order(
                DatasetOrder(
                    dataset=dataset, datasetprice=DATASET_PRICE, volume=VOLUME, salt=random_salt()
                ),
                domain,
                cast.dataset_owner.account,
            ),
            workerpool=sign_order(
                WorkerpoolOrder(
                    workerpool=pool,
                    workerpoolprice=POOL_PRICE,
                    volume=VOLUME,
                    category=CATEGORY,
                    trust=TRUST,
                    salt=random_salt(),
                ),
                domain,
                cast.scheduler.account,
            ),
        )
        prices = (("app", APP_PRICE), ("dataset", DATASET_PRICE), ("computation", POOL_PRICE))
        listed = ", ".join(f"{name} {in_rlc(price)}" for name, price in prices)
        tell.line(f"all three sign orders for {VOLUME} tasks; RLC per task: {listed}")
        return offer

    def hire(self, scheduler: Scheduler) -> list[Worker]:
        """Bring up the three workers; the last one cheats."""
        cheat = self._cast.workers[-1]
        return [
            Worker(
                person.market,
                person.account,
                SchedulerClient(scheduler.url),
                {self._app.app_type: self._app.runtime},
                self._workdir / person.name.replace(" ", "-"),
                downloads=Downloads(allow_local=True),
                report=lambda text, name=person.name: self._tell.line(f"{name}: {text}"),  # type: ignore[misc]
                falsify=other_digest if person is cheat else None,
            )
            for person in self._cast.workers
        ]

    # THE DEALS

    def play(self, offer: Offer, scheduler: Scheduler) -> Outcome:
        """Play all four deals, then collect the results and look at the money.

        Raises:
            AppError: the app failed.
            InternalError: a claim does not hold.
            PocoError: anything else that goes wrong.
        """
        workers = self.hire(scheduler)
        before = self._ledger()
        self._bag(offer, scheduler, workers)
        self._apprenticeship(offer, scheduler, workers)
        self._contested(offer, scheduler, workers)
        self._expired(offer, scheduler)
        self._collect()
        after = self._ledger()
        self._settle(before, after)
        return Outcome(tuple(self._outcomes), before, after)

    def _bag(self, offer: Offer, scheduler: Scheduler, workers: list[Worker]) -> None:
        tell = self._tell
        tell.chapter(f"A bag of {BAG} tasks at trust 1: one worker each")
        deal = self._buy(offer, BAG, trust=1)
        scheduler.step()
        workers[0].step()
        self._work(deal, scheduler, [workers[1]])
        first, second = self._finished(deal, workers)
        tell.claim(
            "task 0 was settled by worker 1 in one transaction (contributeAndFinalize)",
            first.task.contributors == (workers[0].address,)
            and self._transactions(first.taskid) == 1,
        )
        tell.claim(
            "task 1 was settled by worker 2 in three (contribute, reveal, finalize)",
            second.task.contributors == (workers[1].address,)
            and self._transactions(second.taskid) == 3,
        )

    def _apprenticeship(self, offer: Offer, scheduler: Scheduler, workers: list[Worker]) -> None:
        tell = self._tell
        tell.chapter(f"A bag of {APPRENTICESHIP} tasks at trust {TRUST}: a reputation is earned")
        tell.line(
            "two newcomers who agree weigh 2 x 2 = 4; at trust 3 that is enough as long as nobody "
            "dissents"
        )
        deal = self._buy(offer, APPRENTICESHIP, trust=TRUST)
        honest = workers[:2]
        with tell.brief() as say:

            def progress(done: int) -> None:
                say(f"{done:>2} of {APPRENTICESHIP}: computed, agreed on, finalised")

            self._work(deal, scheduler, honest, progress)
        outcomes = self._finished(deal, workers)
        pair = {worker.address for worker in honest}
        tell.claim(
            f"two workers executed each of the {APPRENTICESHIP} tasks on their own and agreed",
            all(
                set(outcome.task.contributors) == pair
                and len({worker.jobs[outcome.taskid].digest for worker in honest}) == 1
                for outcome in outcomes
            ),
        )
        tell.claim(
            f"worker 1 and worker 2 have a reputation of {APPRENTICESHIP} each: they weigh 3 now",
            all(self._hub.score(worker.address) == APPRENTICESHIP for worker in honest),
        )

    def _contested(self, offer: Offer, scheduler: Scheduler, workers: list[Worker]) -> None:
        tell = self._tell
        tell.chapter(f"One task at trust {TRUST} with three workers, one of which cheats")
        deal = self._buy(offer, CONTESTED, trust=TRUST)
        scheduler.step()
        cheat = workers[-1]
        cheat.step()
        tell.line("worker 3 is first and weighs 2: 2 x 3 > (1 + 2) x 2 does not hold, no consensus")
        self._work(deal, scheduler, workers)
        (outcome,) = self._finished(deal, workers)
        taskid = outcome.taskid
        jobs = [worker.jobs[taskid] for worker in workers]
        tell.claim(
            "all three executed the app and got the same; worker 3 contributed something else",
            len({job.execution.digest for job in jobs}) == 1
            and jobs[0].digest == jobs[1].digest == outcome.task.digest
            and jobs[2].digest not in (jobs[0].digest, jobs[2].execution.digest),
        )
        votes = [self._hub.contribution(taskid, worker.address).status for worker in workers]
        proved = ContributionStatus.PROVED
        tell.claim(
            "worker 1 and worker 2 weigh 3 x 3 = 9, and 9 x 3 > (1 + 2 + 9) x 2: consensus on "
            "chain, revealed by both, not by worker 3",
            set(outcome.task.contributors) == {worker.address for worker in workers}
            and votes == [proved, proved, ContributionStatus.CONTRIBUTED],
        )
        market = self._cast.requester.market
        faulty = [
            event
            for event in market.events(kinds=[FaultyContribution])
            if isinstance(event, FaultyContribution)
        ]
        tell.claim(
            f"worker 3 was slashed: the others share its stake of {in_rlc(deal.worker_stake)} RLC",
            [(event.worker, event.taskid) for event in faulty] == [(cheat.address, taskid)],
        )

    def _expired(self, offer: Offer, scheduler: Scheduler) -> None:
        tell, requester = self._tell, self._cast.requester
        tell.chapter("One task that nobody does: the money comes back")
        deal = self._buy(offer, EXPIRED, trust=1)
        scheduler.step()
        (taskid,) = self._hub.tasks(deal.dealid)
        frozen = self._hub.account(requester.address)
        clock = self._hub.category(deal.category).clock
        deadline = Deadlines.of(deal.start_time, clock).final
        chain = requester.market.chain
        travel(chain, deadline - chain.timestamp())
        tell.line(f"{10 * clock} s pass on the chain (10 times the category's {clock} s)")
        claim_expired(requester.market, deal, deal.indices)
        task = self._hub.task(taskid)
        self._outcomes.append(TaskOutcome(taskid, deal, task, None))
        freed = self._hub.account(requester.address)
        tell.claim(
            f"the requester claimed {in_rlc(TASK_PRICE)} RLC back; the pool owner's stake is in "
            "the kitty",
            task.status is TaskStatus.FAILED
            and freed.stake - frozen.stake == frozen.locked - freed.locked == TASK_PRICE
            and self._hub.kitty() == POOL_PRICE * 30 // 100,
        )

    # AFTER THE LAST DEAL

    def _collect(self) -> None:
        tell = self._tell
        tell.chapter("Results")
        market = self._cast.requester.market
        for position, outcome in enumerate(self._outcomes):
            if outcome.task.status is TaskStatus.COMPLETED:
                archive = collect_result(market, outcome.taskid, self._results)
                self._outcomes[position] = TaskOutcome(
                    outcome.taskid, outcome.deal, outcome.task, archive
                )
        archives = [outcome for outcome in self._outcomes if outcome.archive is not None]
        contents = [(o.task.digest, inspect_archive(o.archive)) for o in archives if o.archive]
        tell.claim(
            f"{len(contents)} archives in {self._results} hold stdout.txt, stderr.txt, "
            "computed.json and the outputs",
            len(contents) == COMPLETED
            and all(set(content.names) > _MUST_HOLD for _, content in contents),
        )
        tell.claim(
            "the digest computed anew from each archive is the one on chain",
            all(content.digest == digest for digest, content in contents),
        )

    def _settle(self, before: Ledger, after: Ledger) -> None:
        tell = self._tell
        tell.chapter("Who got what")
        moved = changes(before, after)
        cast = self._cast
        exact = {
            cast.requester.name: -COMPLETED * TASK_PRICE,
            cast.app_owner.name: COMPLETED * APP_PRICE,
            cast.dataset_owner.name: COMPLETED * DATASET_PRICE,
            cast.workers[-1].name: -POOL_PRICE * 30 // 100,
            KITTY: EXPIRED * POOL_PRICE * 30 // 100,
        }
        tell.claim(
            f"the requester paid for {COMPLETED} tasks, app and dataset owner were paid for each, "
            "worker 3 lost its stake, the kitty has that of the pool owner",
            all(moved[name] == amount for name, amount in exact.items()),
        )
        tell.claim("all changes, the kitty's included, add up to zero", sum(moved.values()) == 0)
        tell.claim(
            "nothing is locked any more but the kitty",
            all(line.locked == 0 for name, line in after.lines.items() if name != KITTY),
        )
        tell.claim(
            "the hub owes what it holds, and all of it to these parties",
            after.in_hub == after.supply == after.held,
        )

    # HELPERS

    def _ledger(self) -> Ledger:
        return Ledger.read(self._cast.requester.market, self._cast.everybody)

    def _buy(self, offer: Offer, volume: int, trust: int) -> Deal:
        requester = self._cast.requester
        params = json.dumps(
            {"iexec_args": ARGUMENTS, "iexec_input_files": [self._files.url_of(INPUT)]}
        )
        request = sign_request(
            requester.market, requester.account, offer, params, volume=volume, trust=trust
        )
        deal = buy(requester.market, offer, request)
        self._tell.line(
            f"the requester signs a request, matches and locks {in_rlc(volume * TASK_PRICE)} RLC: "
            f"deal 0x{deal.dealid.hex()}"
        )
        self._tell.claim(
            f"the deal has {volume} task{'s' if volume > 1 else ''} at trust {trust}",
            deal.bot_size == volume and deal.trust == trust and deal.price == TASK_PRICE,
        )
        return deal

    def _work(
        self,
        deal: Deal,
        scheduler: Scheduler,
        workers: list[Worker],
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Let scheduler and workers do what they do until the deal's tasks are over."""
        idle = told = 0
        with ThreadPoolExecutor(len(workers)) as pool:
            while True:
                tasks = self._hub.tasks(deal.dealid).values()
                done = sum(task.status >= TaskStatus.COMPLETED for task in tasks)
                if done > told:
                    progress(done)
                told = done
                if done == len(tasks):
                    return
                moves = scheduler.step() + sum(pool.map(Worker.step, workers))
                self._raise_failures(workers)
                idle = 0 if moves else idle + 1
                if idle > _PATIENCE:
                    raise InternalError(
                        "scheduler and workers must bring a task to its end",
                        field="deal",
                        value=f"0x{deal.dealid.hex()}",
                    )

    def _finished(self, deal: Deal, workers: list[Worker]) -> list[TaskOutcome]:
        """Record the tasks of a deal, which must all be completed."""
        self._raise_failures(workers)
        tasks = self._hub.tasks(deal.dealid)
        self._tell.claim(
            f"COMPLETED on chain: {len(tasks)} of {deal.bot_size}",
            len(tasks) == deal.bot_size
            and all(task.status is TaskStatus.COMPLETED for task in tasks.values()),
        )
        outcomes = [TaskOutcome(taskid, deal, task, None) for taskid, task in tasks.items()]
        self._outcomes += outcomes
        return outcomes

    def _transactions(self, taskid: TaskId) -> int:
        """Count the transactions from the first contribution to the end of a task."""
        market = self._cast.requester.market
        return len(
            {
                event.at.transaction_hash
                for event in market.events()
                if getattr(event, "taskid", None) == taskid
                and not isinstance(event, TaskInitialize)
            }
        )

    def _raise_failures(self, workers: Iterable[Worker]) -> None:
        for worker in workers:
            for job in worker.jobs.values():
                if job.execution.failure is not None:
                    raise job.execution.failure
