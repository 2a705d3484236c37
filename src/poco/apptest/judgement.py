"""Hold what an app leaves against the app contract."""

from __future__ import annotations

from dataclasses import dataclass

from poco import appio
from poco.appio import COMPUTED_FILE, Computed, ExecutionError, Generation, OutputTree
from poco.apptest.comparison import Difference
from poco.worker.execution import AppReference, Execution, TaskInputs

__all__ = ["Attempt", "Report", "advice", "judge"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run, judged.

    Attributes:
        execution: what a worker makes of it.
        tree: what counts of its output.
        counting: paths of the files that the digest depends on.
        violations: everything that breaks the contract.
    """

    execution: Execution
    tree: OutputTree
    counting: frozenset[str]
    violations: tuple[ExecutionError, ...]

    @property
    def digest(self) -> bytes | None:
        """The app's own result, None when it has none."""
        return self.execution.digest if self.execution.failure is None else None


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a trial.

    Attributes:
        app: the app.
        attempts: its two runs.
        differences: files that the runs left differently.
        warnings: what is allowed but likely a mistake.
    """

    app: AppReference
    attempts: tuple[Attempt, Attempt]
    differences: tuple[Difference, ...]
    warnings: tuple[str, ...]

    @property
    def agree(self) -> bool:
        """Whether both runs have a result and it is the same."""
        first, second = self.attempts
        return first.digest is not None and first.digest == second.digest

    @property
    def violations(self) -> tuple[ExecutionError, ...]:
        """What breaks the contract in either run, each thing once."""
        found = {
            str(violation): violation
            for attempt in self.attempts
            for violation in attempt.violations
        }
        return tuple(found.values())

    @property
    def ok(self) -> bool:
        """Whether workers would reach consensus on the app's own result."""
        return self.agree and not self.violations


def judge(task: TaskInputs, execution: Execution) -> Attempt:
    """Find everything that breaks the contract, where a worker stops at the first thing."""
    assert execution.output is not None
    tree, refused = appio.survey_output(execution.output, task.limits.output, execution.inputs)
    violations = [*refused] if execution.failure is None else [execution.failure, *refused]
    if appio.is_declared(tree):
        try:
            appio.read_outcome(tree, execution.generation, has_callback=task.has_callback)
        except ExecutionError as error:
            violations.append(error)
    unique = {str(violation): violation for violation in violations}
    return Attempt(execution, tree, _counting(tree, execution), tuple(unique.values()))


def advice(attempt: Attempt) -> tuple[str, ...]:
    """Return what the contract allows but is likely a mistake."""
    execution, tree = attempt.execution, attempt.tree
    remarks = [*execution.warnings]
    remarks += [f"{path}: links are left out of the result" for path in tree.dropped]
    if execution.failure is not None:
        return tuple(remarks)
    if execution.exit_code:
        remarks.append(f"exit code {execution.exit_code}: the declared result counts nevertheless")
    if not execution.source:
        remarks.append("no file declares the result: the archive is it, which is good for trust 1")
    computed = _computed(tree, execution)
    if computed and computed.output_path in tree.folders:
        folder = computed.output_path
        if folder == "":
            remarks.append("the result is the whole output with its logs: name a folder of its own")
        nested = len(tree.below(folder)) - len(tree.children(folder))
        if nested and not computed.binds_names:
            remarks.append(
                f"{nested} files in subfolders do not count, nor do names: write "
                '"deterministic-algorithm": "tree-v1" to computed.json to have them bound'
            )
    return tuple(remarks)


def _computed(tree: OutputTree, execution: Execution) -> Computed | None:
    """Return what the app declared in ``computed.json``, when that is what decided."""
    if execution.source != COMPUTED_FILE or execution.callback_data:
        return None
    generation = execution.generation or Generation.V5
    return appio.read_computed(tree.root, has_callback=False, roots=[generation.layout.output])


def _counting(tree: OutputTree, execution: Execution) -> frozenset[str]:
    """Return the paths of the files that the digest depends on."""
    if execution.failure is not None:
        return frozenset()
    if not execution.source:
        return frozenset(tree.files)
    computed = _computed(tree, execution)
    if computed is None:
        return frozenset({execution.source})
    path = computed.output_path or ""
    if path in tree.files:
        return frozenset({path})
    if computed.binds_names:
        return frozenset(tree.below(path))
    return frozenset(file.path for file in tree.children(path))
