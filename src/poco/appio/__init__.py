"""The app contract: what an app is given, what it must leave, and what is made of it.

Pure functions of what they are handed: no network, no clock, no folder but the one passed in.
The contract itself is told in ``docs/app-contract.md``.
"""

from poco.appio.archive import write_archive
from poco.appio.arguments import MAX_ARGUMENT_BYTES, join_arguments, split_arguments
from poco.appio.causes import (
    PERMANENT,
    Cause,
    ExecutionError,
    Status,
    error_text,
    failure_of,
    told_cause,
)
from poco.appio.computed import COMPUTED_FILE, Computed, output_path, read_computed
from poco.appio.digests import (
    callback_digest,
    declared_digest,
    file_digest,
    output_digest,
    stream_digest,
    tree_digest,
)
from poco.appio.environment import ZERO_ADDRESS, TaskContext, environment, file_names
from poco.appio.generation import (
    GENERATION_LABEL,
    AppImage,
    Generation,
    Layout,
    choose_generation,
    parse_app,
)
from poco.appio.kind import runtime_of
from poco.appio.link import callback_link, dropbox_link, http_link, ipfs_link
from poco.appio.outcome import (
    CALLBACK_FILE,
    CONSENSUS_FILE,
    DETERMINISM_FILE,
    Outcome,
    is_declared,
    read_outcome,
)
from poco.appio.params import DealParams, parse_params
from poco.appio.tree import (
    DEFAULT_LIMITS,
    MAX_DEPTH,
    OutputFile,
    OutputLimits,
    OutputTree,
    open_beneath,
    scan_output,
    survey_output,
)
from poco.appio.unpacking import (
    INPUT_LIMITS,
    ArchiveLimits,
    ArchiveTooLargeError,
    unpack_archive,
)

__all__ = [
    "CALLBACK_FILE",
    "COMPUTED_FILE",
    "CONSENSUS_FILE",
    "DEFAULT_LIMITS",
    "DETERMINISM_FILE",
    "GENERATION_LABEL",
    "INPUT_LIMITS",
    "MAX_ARGUMENT_BYTES",
    "MAX_DEPTH",
    "PERMANENT",
    "ZERO_ADDRESS",
    "AppImage",
    "ArchiveLimits",
    "ArchiveTooLargeError",
    "Cause",
    "Computed",
    "DealParams",
    "ExecutionError",
    "Generation",
    "Layout",
    "Outcome",
    "OutputFile",
    "OutputLimits",
    "OutputTree",
    "Status",
    "TaskContext",
    "callback_digest",
    "callback_link",
    "choose_generation",
    "declared_digest",
    "dropbox_link",
    "environment",
    "error_text",
    "failure_of",
    "file_digest",
    "file_names",
    "http_link",
    "ipfs_link",
    "is_declared",
    "join_arguments",
    "open_beneath",
    "output_digest",
    "output_path",
    "parse_app",
    "parse_params",
    "read_computed",
    "read_outcome",
    "runtime_of",
    "scan_output",
    "split_arguments",
    "stream_digest",
    "survey_output",
    "told_cause",
    "tree_digest",
    "unpack_archive",
    "write_archive",
]
