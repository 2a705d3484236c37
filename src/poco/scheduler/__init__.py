"""The scheduler of a workerpool: pure decisions (`supply`, `transitions`) and what acts on them."""

from poco.scheduler.endpoint import SchedulerClient, serve_scheduler
from poco.scheduler.protocol import Assignment, SchedulerPort, sign_upload
from poco.scheduler.scheduler import Scheduler, in_one_step
from poco.scheduler.store import ResultStore, StoredResult
from poco.scheduler.supply import Vote, needs_worker, weight
from poco.scheduler.transitions import Action, Deadlines, next_action

__all__ = [
    "Action",
    "Assignment",
    "Deadlines",
    "ResultStore",
    "Scheduler",
    "SchedulerClient",
    "SchedulerPort",
    "StoredResult",
    "Vote",
    "in_one_step",
    "needs_worker",
    "next_action",
    "serve_scheduler",
    "sign_upload",
    "weight",
]
