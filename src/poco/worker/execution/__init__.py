"""Execute one task: prepare its folders, run its app, collect its result."""

from poco.worker.execution.executor import error_execution, execute
from poco.worker.execution.folders import remove_tree
from poco.worker.execution.model import AppReference, DatasetFile, Execution, TaskInputs
from poco.worker.execution.preparation import run_name, run_prefix

__all__ = [
    "AppReference",
    "DatasetFile",
    "Execution",
    "TaskInputs",
    "error_execution",
    "execute",
    "remove_tree",
    "run_name",
    "run_prefix",
]
