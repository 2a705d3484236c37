"""The story: everybody trades, works, cheats, is killed or is late, and the chain settles it.

What is bought, in order (amounts in RLC):

1. two tasks at trust 1, each settled in one transaction by worker 2, which is alone so far;
2. twelve tasks at trust 3: worker 2 is killed in the middle of them, and started again; with
   worker 1 it brings them to their end, which earns both a reputation of 12;
3. one task at trust 3 by three workers, of which the first to contribute cheats;
4. one task that no worker does: the scheduler claims it after the final deadline.

Why part 2: contributions of newcomers weigh 2. Against one dissenter at trust 3 a group must weigh
more than (1 + 2) * (3 - 1) = 6, and two newcomers together weigh 2 * 2 = 4: three workers of whom
one cheats would never agree. With a reputation of 12 a contribution weighs 3, two of them 9 (spec
contracts §4.5).

The scheduler and the workers are processes of their own, and nothing is asked of them but what any
requester could ask: the story looks at the chain, and at the archives.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from poco.actors.worker import other_digest
from poco.contracts import ContributionStatus, Deal, TaskStatus
from poco.demo.cast import Cast, Person
from poco.demo.ledger import KITTY, Ledger, changes, in_rlc
from poco.demo.narrator import Narrator
from poco.demo.opening import Terms
from poco.demo.outcome import Outcome, TaskOutcome
from poco.demo.pool import Pool
from poco.demo.processes import Process
from poco.demo.verdict import require_no_error
from poco.demo.witness import Witness
from poco.local_chain import travel
from poco.market import Offer, buy, collect_result, sign_request
from poco.orders import Tag, result_hash
from poco.result_archive import inspect_archive

__all__ = ["TERMS", "Story", "deposits"]

RLC = 10**9
BAG, APPRENTICESHIP, CONTESTED, EXPIRED = 2, 12, 1, 1
COMPLETED = BAG + APPRENTICESHIP + CONTESTED
TRUST = 3
TERMS = Terms(
    app=RLC // 10,
    dataset=RLC // 5,
    pool=RLC,
    volume=COMPLETED + EXPIRED,
    trust=TRUST,
    tag=Tag(0),
)
STAKE = TERMS.pool * 30 // 100
ARGUMENTS = "--column price,quantity --key region --bins 8"
_MUST_HOLD = frozenset({"stdout.txt", "stderr.txt", "computed.json"})
_PROVED = ContributionStatus.PROVED


def deposits(cast: Cast) -> dict[Person, int]:
    """Return what each person deposits, nRLC."""
    return {cast.requester: 25 * RLC, cast.scheduler: 10 * RLC} | dict.fromkeys(
        cast.workers, 5 * RLC
    )


class Story:
    """Plays the deals.

    Args:
        cast: who takes part; everybody has deposited.
        offer: what is for sale.
        input_url: where the app's input file is.
        pool: starts scheduler and workers.
        results: folder for the archives.
        narrator: tells it.
    """

    def __init__(
        self,
        cast: Cast,
        offer: Offer,
        input_url: str,
        pool: Pool,
        results: Path,
        narrator: Narrator,
    ) -> None:
        self._cast = cast
        self._offer = offer
        self._input_url = input_url
        self._pool = pool
        self._results = results
        self._tell = narrator
        self._hub = cast.requester.market.hub
        self._see = Witness(cast.requester.market)
        self._outcomes: list[TaskOutcome] = []

    def play(self) -> Outcome:
        """Play all four deals, then look at results and money.

        Raises:
            AppError: the app failed.
            InternalError: a claim does not hold.
            PeerError: a process has ended, or takes too long.
            PocoError: anything else that goes wrong.
        """
        market = self._cast.requester.market
        before = Ledger.read(market, self._cast.everybody)
        first, second, cheat = self._cast.workers
        scheduler = self._open_pool()
        worker_2 = self._hire(second)
        self._bag(worker_2, second)
        pair = self._apprenticeship(worker_2, first, second)
        crew = self._contested(pair, cheat)
        self._expired(crew)
        self._look_at_results()
        self._dismiss([scheduler], "the scheduler ended as well: nothing of the pool goes on")
        after = Ledger.read(market, self._cast.everybody)
        self._settle(before, after)
        return Outcome(tuple(self._outcomes), before, after)

    # THE DEALS

    def _open_pool(self) -> Process:
        self._tell.chapter("The pool opens: each service is a process of its own")
        scheduler = self._pool.schedule(self._cast.scheduler, self._offer.workerpool.workerpool)
        self._tell.line(f"scheduler and result store answer at {self._pool.url}")
        return scheduler

    def _bag(self, worker_2: Process, second: Person) -> None:
        tell = self._tell
        tell.chapter(f"A bag of {BAG} tasks at trust 1: one worker is enough")
        deal = self._buy(BAG, trust=1)
        outcomes = self._finished(deal)
        self._quote(worker_2)
        tell.claim(
            "each was settled by worker 2 in one transaction (contributeAndFinalize)",
            all(
                outcome.task.contributors == (second.address,)
                and self._see.transactions(outcome.taskid) == 1
                for outcome in outcomes
            ),
        )

    def _apprenticeship(self, worker_2: Process, first: Person, second: Person) -> list[Process]:
        tell = self._tell
        tell.chapter(f"A bag of {APPRENTICESHIP} tasks at trust {TRUST}, and a worker that dies")
        tell.line(
            "two newcomers who agree weigh 2 x 2 = 4; at trust 3 that is enough as long as nobody "
            "dissents"
        )
        deal = self._buy(APPRENTICESHIP, trust=TRUST)
        self._await("a contribution of worker 2", lambda: bool(self._see.locked(second)))
        code = worker_2.kill()
        begun, locked = self._see.begun(deal, second)
        tell.claim(
            f"worker 2 was killed (SIGKILL) with {in_rlc(locked)} RLC at stake: it has contributed "
            f"to {len(begun)} of the tasks and revealed none",
            code == -9 and 0 < len(begun) <= APPRENTICESHIP and locked == len(begun) * STAKE,
        )
        pair = [self._hire(first), self._hire(second)]
        found = pair[1].said(r"goes on with the (\d+) tasks of its journal")
        tell.line(f"worker 2 is started again with {found[1]} tasks in its journal; worker 1 comes")
        outcomes = self._finished(deal)
        everybody = {first.address, second.address}
        tell.claim(
            "worker 2 has revealed what it had contributed before, and lost no stake",
            all(self._see.contribution(key, second).status is _PROVED for key in begun)
            and not self._see.slashed()
            and self._see.locked(second) == 0,
        )
        tell.claim(
            f"both executed each of the {APPRENTICESHIP} tasks on their own and agreed: five "
            "transactions each (contribute and reveal twice, finalize)",
            all(
                set(outcome.task.contributors) == everybody
                and self._see.transactions(outcome.taskid) == 5
                for outcome in outcomes
            ),
        )
        tell.claim(
            f"worker 1 and worker 2 have a reputation of {APPRENTICESHIP} each: they weigh 3 now",
            all(self._hub.score(worker) == APPRENTICESHIP for worker in everybody),
        )
        return pair

    def _contested(self, pair: list[Process], cheat: Person) -> list[Process]:
        tell, honest = self._tell, self._cast.workers[:2]
        tell.chapter(f"One task at trust {TRUST} with three workers, one of which cheats")
        self._dismiss(pair, "worker 1 and worker 2 ended when told to (SIGTERM), exit code 0")
        worker_3 = self._hire(cheat, "--cheat")
        deal = self._buy(CONTESTED, trust=TRUST)
        self._await("a contribution of worker 3", lambda: bool(self._see.locked(cheat)))
        self._quote(worker_3)
        tell.line("worker 3 is first and weighs 2: 2 x 3 > (1 + 2) x 2 does not hold, no consensus")
        crew = [*map(self._hire, honest), worker_3]
        (outcome,) = self._finished(deal)
        for process in crew:
            self._quote(process)
        taskid, digest = outcome.taskid, outcome.task.digest
        given = [self._see.contribution(taskid, worker) for worker in (*honest, cheat)]
        tell.claim(
            "all three executed the app and got the same; worker 3 contributed something else",
            [each.result_hash for each in given]
            == [
                result_hash(taskid, digest),
                result_hash(taskid, digest),
                result_hash(taskid, other_digest(digest)),
            ],
        )
        tell.claim(
            "worker 1 and worker 2 weigh 3 x 3 = 9, and 9 x 3 > (1 + 2 + 9) x 2: consensus on "
            "chain, revealed by both, not by worker 3",
            [each.status for each in given] == [_PROVED, _PROVED, ContributionStatus.CONTRIBUTED],
        )
        tell.claim(
            f"worker 3 was slashed: the others share its stake of {in_rlc(deal.worker_stake)} RLC",
            self._see.slashed() == [(cheat.address, taskid)],
        )
        return crew

    def _expired(self, crew: list[Process]) -> None:
        tell, requester = self._tell, self._cast.requester
        tell.chapter("One task that nobody does: the money comes back")
        self._dismiss(crew, "all three workers ended when told to, and have nothing at stake")
        deal = self._buy(EXPIRED, trust=1)
        frozen = self._hub.account(requester.address)
        (taskid,) = self._hub.tasks(deal.dealid)
        self._await("an open task", lambda: self._see.status(taskid) is TaskStatus.ACTIVE)
        chain = requester.market.chain
        travel(chain, self._hub.task(taskid).final_deadline - chain.timestamp())
        clock = self._hub.category(deal.category).clock
        tell.line(f"{10 * clock} s pass on the chain (10 times the category's {clock} s)")
        self._await("a claim", lambda: self._see.status(taskid) is TaskStatus.FAILED)
        self._outcomes.append(TaskOutcome(taskid, deal, self._hub.task(taskid), None))
        freed = self._hub.account(requester.address)
        tell.claim(
            f"the scheduler claimed, and the requester has {in_rlc(TERMS.price)} RLC back; the "
            "pool owner's stake is in the kitty",
            freed.stake - frozen.stake == frozen.locked - freed.locked == TERMS.price
            and self._hub.kitty() == STAKE,
        )

    # AFTER THE LAST DEAL

    def _look_at_results(self) -> None:
        tell = self._tell
        tell.chapter("Results")
        archives = [(each.task.digest, each.archive) for each in self._outcomes if each.archive]
        contents = [(digest, inspect_archive(archive)) for digest, archive in archives]
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
            cast.requester.name: -COMPLETED * TERMS.price,
            cast.app_owner.name: COMPLETED * TERMS.app,
            cast.dataset_owner.name: COMPLETED * TERMS.dataset,
            cast.workers[-1].name: -STAKE,
            KITTY: EXPIRED * STAKE,
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

    # PEOPLE AND PROCESSES

    def _hire(self, person: Person, *options: str) -> Process:
        return self._pool.hire(person, "--slots", "2", *options)

    def _dismiss(self, crew: list[Process], sentence: str) -> None:
        for process in crew:
            process.ask_to_end()
        codes = [process.ended() for process in crew]
        self._tell.claim(sentence, not any(codes))

    def _quote(self, process: Process) -> None:
        for line in process.news():
            self._tell.line(f"{process.name}: {line}")

    # THE CHAIN

    def _buy(self, volume: int, trust: int) -> Deal:
        requester = self._cast.requester
        params = json.dumps({"iexec_args": ARGUMENTS, "iexec_input_files": [self._input_url]})
        request = sign_request(
            requester.market, requester.account, self._offer, params, volume=volume, trust=trust
        )
        deal = buy(requester.market, self._offer, request)
        self._tell.line(
            f"the requester signs a request, matches and locks {in_rlc(volume * TERMS.price)} RLC: "
            f"deal 0x{deal.dealid.hex()}"
        )
        self._tell.claim(
            f"the deal has {volume} task{'s' if volume > 1 else ''} at trust {trust}",
            deal.bot_size == volume and deal.trust == trust and deal.price == TERMS.price,
        )
        return deal

    def _finished(self, deal: Deal) -> list[TaskOutcome]:
        """Wait until the tasks of a deal are completed, and download their results."""
        told = 0

        def is_done() -> bool:
            nonlocal told
            tasks = self._hub.tasks(deal.dealid).values()
            done = sum(task.status >= TaskStatus.COMPLETED for task in tasks)
            if done > told and deal.bot_size > BAG:
                self._tell.line(f"{done:>2} of {deal.bot_size}: computed, agreed on, finalised")
            told = done
            return done == deal.bot_size

        self._await("the end of all tasks", is_done)
        tasks = self._hub.tasks(deal.dealid)
        market, url = self._cast.requester.market, self._pool.url
        outcomes = []
        for taskid, task in tasks.items():
            if task.status is TaskStatus.COMPLETED:
                archive = collect_result(market, taskid, self._results, gateway=url)
                require_no_error(taskid, archive)
                outcomes.append(TaskOutcome(taskid, deal, task, archive))
        self._tell.claim(
            f"COMPLETED on chain: {len(outcomes)} of {deal.bot_size}, and the results are here",
            len(outcomes) == deal.bot_size,
        )
        self._outcomes += outcomes
        return outcomes

    def _await(self, what: str, holds: Callable[[], bool]) -> None:
        self._pool.processes.wait(what, holds)
