"""A confidential computation: each owner's secret reaches one task, and nobody else.

1. The dataset owner sells a dataset that is encrypted, and gives the key to the secret service; so
   does the app owner with a secret of the app, and the requester with a secret of its own and the
   key that its result is to be encrypted for.
2. The requester buys one task for an enclave, which is *simulated*: that shows who gets what, and
   protects nothing from whoever runs the worker.
3. Who has no leave of the pool's owner is refused; the worker that has one computes the task.
4. The requester decrypts its result. Nobody else has kept anything.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from eth_typing import ChecksumAddress

from poco.contracts import Deal, TaskStatus
from poco.demo.cast import Cast, Person
from poco.demo.narrator import Narrator
from poco.demo.opening import Terms
from poco.demo.pool import Pool
from poco.demo.processes import Process
from poco.demo.verdict import require_no_error
from poco.market import Offer, buy, collect_result, sign_request
from poco.orders import TDX, TEE, TaskId, sign_authorization, task_id
from poco.scenarios.belongings import REQUESTER_SECRET, Belongings
from poco.scenarios.traces import files_below, files_with
from poco.services.secrets import (
    RESULT_KEY_NAME,
    SecretName,
    SecretsClient,
    SecretsRefusedError,
    WorkerpoolAuthorization,
)

__all__ = ["TERMS", "Confidential", "Outcome", "deposits"]

RLC = 10**9
TERMS = Terms(app=RLC // 10, dataset=RLC // 5, pool=RLC, volume=1, trust=1, tag=TEE | TDX)
"""The tag is what the official client puts on the orders of confidential deals."""
GREETING = "hello 'big world'"


def deposits(cast: Cast) -> dict[Person, int]:
    """Return what each person deposits, nRLC."""
    return dict.fromkeys((cast.requester, cast.scheduler, cast.workers[0]), 5 * RLC)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the scenario ended.

    Args:
        taskid: the task.
        challenge: address of its enclave key.
        released: what the secret service says that it released, one line for each secret.
        archive: the result, decrypted.
    """

    taskid: TaskId
    challenge: ChecksumAddress
    released: tuple[str, ...]
    archive: Path


class Confidential:
    """Plays the scenario.

    Args:
        cast: who takes part; requester, pool owner and worker 1 have deposited.
        offer: what is for sale.
        belongings: what nobody else may learn.
        pool: starts the processes.
        results: folder of the requester.
        narrator: tells it.
    """

    def __init__(
        self,
        cast: Cast,
        offer: Offer,
        belongings: Belongings,
        pool: Pool,
        results: Path,
        narrator: Narrator,
    ) -> None:
        self._cast = cast
        self._offer = offer
        self._own = belongings
        self._pool = pool
        self._results = results
        self._tell = narrator
        self._hub = cast.requester.market.hub
        self._worker, self._stranger = cast.workers[:2]

    def play(self) -> Outcome:
        """Play it.

        Raises:
            AppError: the app failed.
            InternalError: a claim does not hold.
            PeerError: a process has ended, or takes too long.
            PocoError: anything else that goes wrong.
        """
        url = self._pool.keep_secrets()
        service = SecretsClient(url)
        try:
            self._push(service)
            deal, taskid = self._open_task(url)
            challenge = service.challenge(taskid, self._cast.scheduler.account)
            leave = self._leave(deal, taskid, challenge)
            self._turn_away(service, leave)
            worker = self._compute(taskid, challenge)
            released = self._look_into_the_audit(service, leave)
            archive = self._decrypt(taskid)
            self._search([worker, *self._pool.services], taskid)
        finally:
            service.close()
        return Outcome(taskid, challenge, released, archive)

    def _push(self, service: SecretsClient) -> None:
        tell, own, cast = self._tell, self._own, self._cast
        tell.chapter("Secrets")
        tell.line(f"the secret service answers at {service.url}: enclaves are SIMULATED")
        result_key = SecretName.setting(cast.requester.address, RESULT_KEY_NAME)
        names = {
            SecretName.dataset(self._offer.dataset.dataset): (own.dataset_key, cast.dataset_owner),
            SecretName.app(self._offer.app.app): (own.app_secret, cast.app_owner),
            SecretName.requester(cast.requester.address, REQUESTER_SECRET): (
                own.requester_secret,
                cast.requester,
            ),
            result_key: (own.result_key, cast.requester),
        }
        for name, (value, owner) in names.items():
            service.push(name, value, owner.account)
            tell.line(f"{owner.name} pushes {name}")
        tell.claim("the secret service has all four", all(map(service.has, names)))

    def _open_task(self, url: str) -> tuple[Deal, TaskId]:
        """Buy a task, and have the scheduler open it; no worker is there yet."""
        tell, requester = self._tell, self._cast.requester
        tell.chapter("One task for a (simulated) enclave, result encrypted")
        self._pool.schedule(
            self._cast.scheduler,
            self._offer.workerpool.workerpool,
            *("--secrets", url, "--simulated-enclaves"),
        )
        params = {
            "iexec_args": GREETING,
            "iexec_secrets": {"1": REQUESTER_SECRET},
            "iexec_result_encryption": True,
        }
        request = sign_request(requester.market, requester.account, self._offer, json.dumps(params))
        deal = buy(requester.market, self._offer, request)
        taskid = task_id(deal.dealid, deal.bot_first)
        tell.line(f"the requester buys deal 0x{deal.dealid.hex()}")
        self._await("an open task", taskid, TaskStatus.ACTIVE)
        tell.claim(
            "the deal has the TEE tag and the encrypted dataset, its task is open",
            deal.tag.is_tee and deal.dataset.pointer == self._offer.dataset.dataset,
        )
        return deal, taskid

    def _leave(
        self, deal: Deal, taskid: TaskId, challenge: ChecksumAddress
    ) -> WorkerpoolAuthorization:
        """Return the leave that the scheduler gives to worker 1."""
        signed = sign_authorization(
            self._cast.scheduler.account, self._worker.address, taskid, challenge
        )
        return WorkerpoolAuthorization(
            taskid, deal.dealid, deal.bot_first, self._worker.address, challenge, signed
        )

    def _turn_away(self, service: SecretsClient, leave: WorkerpoolAuthorization) -> None:
        tell, stranger = self._tell, self._stranger
        tell.chapter("Strangers ask first")
        forged = WorkerpoolAuthorization(
            leave.taskid,
            leave.dealid,
            leave.index,
            stranger.address,
            leave.enclave_challenge,
            sign_authorization(
                stranger.account, stranger.address, leave.taskid, leave.enclave_challenge
            ),
        )
        tell.claim(
            f"{stranger.name} with a leave that it signed itself is refused (INVALID_SIGNATURE)",
            self._refusal(service, forged, stranger) == "INVALID_SIGNATURE",
        )
        tell.claim(
            f"{stranger.name} with the true leave of {self._worker.name} is refused "
            "(INVALID_AUTHORIZATION)",
            self._refusal(service, leave, stranger) == "INVALID_AUTHORIZATION",
        )
        tell.claim("the audit is empty: nothing has been released", not self._pool.audit())

    def _compute(self, taskid: TaskId, challenge: ChecksumAddress) -> Process:
        tell, worker = self._tell, self._worker
        tell.chapter("The task is computed")
        process = self._pool.hire(worker, "--simulated-enclave")
        self._await("the end of the task", taskid, TaskStatus.COMPLETED)
        process.said(r"COMPLETED \(the task is COMPLETED\)")  # it has cleaned up
        for line in process.news():
            tell.line(f"{worker.name}: {line}")
        given = self._hub.contribution(taskid, worker.address)
        tell.claim(
            f"COMPLETED on chain by {worker.name}; its contribution names the enclave challenge "
            f"{challenge} of the secret service, whose signature the hub has checked",
            self._hub.task(taskid).contributors == (worker.address,) and given.enclave == challenge,
        )
        return process

    def _look_into_the_audit(
        self, service: SecretsClient, leave: WorkerpoolAuthorization
    ) -> tuple[str, ...]:
        tell, requester = self._tell, self._cast.requester.address
        tell.chapter("Who got what")
        lines = self._pool.audit()
        for line in lines:
            tell.line(f"{line['secret']} was released to {line['worker']}")
        names = (
            SecretName.dataset(self._offer.dataset.dataset),
            SecretName.app(self._offer.app.app),
            SecretName.requester(requester, REQUESTER_SECRET),
            SecretName.setting(requester, RESULT_KEY_NAME),
            f"enclave key {leave.enclave_challenge}",
        )
        released = tuple(str(line["secret"]) for line in lines)
        tell.claim(
            f"the audit has one line for each release: {len(names)}, all to {self._worker.name} "
            "for this task",
            sorted(released) == sorted(map(str, names))
            and {(line["worker"], line["taskid"]) for line in lines}
            == {(self._worker.address, f"0x{leave.taskid.hex()}")},
        )
        tell.claim(
            f"now that the task is over, {self._worker.name} is refused as well (TASK_NOT_ACTIVE)",
            self._refusal(service, leave, self._worker) == "TASK_NOT_ACTIVE",
        )
        return released

    def _decrypt(self, taskid: TaskId) -> Path:
        tell, own = self._tell, self._own
        tell.chapter("The result")
        market, url = self._cast.requester.market, self._pool.url
        sealed = collect_result(market, taskid, self._pool.folder / "sealed", gateway=url)
        with zipfile.ZipFile(sealed) as outer:
            names = sorted(outer.namelist())
        tell.claim(
            f"what the result store hands out is encrypted: {' and '.join(names)}",
            names == ["aes-key.rsa", "iexec_out.zip.aes"],
        )
        archive = collect_result(
            market, taskid, self._results, gateway=url, private_key=own.private_key
        )
        require_no_error(taskid, archive)
        with zipfile.ZipFile(archive) as inner:
            shown = inner.read("result.txt").decode()
        tell.claim(
            f"with its private key the requester reads {archive}: arguments, dataset and both "
            "secrets are what their owners gave, and its digest is the one on chain",
            shown == own.result(["hello", "big world"], self._offer.dataset.dataset),
        )
        (own.requester_folder / "result.txt").write_text(shown)
        return archive

    def _search(self, processes: list[Process], taskid: TaskId) -> None:
        tell = self._tell
        tell.chapter("What is left")
        for process in processes:
            process.ask_to_end()
        codes = [process.ended() for process in processes]
        left = self._pool.workdir(self._worker) / f"0x{taskid.hex()}"
        tell.claim(
            "worker, scheduler and secret service have ended; the worker has deleted the task's "
            "folder",
            not any(codes) and not left.exists(),
        )
        files = list(files_below(self._pool.folder, self._own.published.parent))
        tell.claim(
            f"none of the {len(files)} files of worker, scheduler, result store, secret service "
            "and web server, their logs included, holds a secret or the dataset, in clear, in hex "
            "or in base64",
            not files_with(self._own.hidden(), files),
        )
        own_files = list(files_below(self._own.requester_folder))
        tell.claim(
            "the same search finds dataset and secrets in the requester's own folder",
            all(files_with([value], own_files) for value in self._own.shown()),
        )

    def _refusal(
        self, service: SecretsClient, leave: WorkerpoolAuthorization, person: Person
    ) -> str:
        """Ask for the secrets of a task; return the code of the refusal, empty without one."""
        try:
            service.session(leave, person.account)
        except SecretsRefusedError as error:
            return error.code
        return ""

    def _await(self, what: str, taskid: TaskId, status: TaskStatus) -> None:
        self._pool.processes.wait(what, lambda: self._hub.task(taskid).status is status)
