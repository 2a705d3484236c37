"""The app contract: what an app is given, what it must leave, and what is made of it.

Pure functions of what they are handed: no network, no clock, no folder but the one passed in.
The contract itself is told in ``docs/app-contract.md``.
"""

from poco.appio.archive import write_archive
from poco.appio.arguments import MAX_ARGUMENT_BYTES, split_arguments
from poco.appio.causes import PERMANENT, Cause, ExecutionError, Status, error_text
from poco.appio.computed import COMPUTED_FILE, Computed, output_path, read_computed
from poco.appio.digests import callback_digest, file_digest, output_digest, stream_digest
from poco.appio.environment import (
    V5,
    ZERO_ADDRESS,
    Layout,
    TaskContext,
    environment,
    file_names,
)
from poco.appio.link import callback_link, dropbox_link, http_link, ipfs_link
from poco.appio.params import DealParams, parse_params
from poco.appio.tree import (
    DEFAULT_LIMITS,
    OutputFile,
    OutputLimits,
    OutputTree,
    open_beneath,
    scan_output,
)

__all__ = [
    "COMPUTED_FILE",
    "DEFAULT_LIMITS",
    "MAX_ARGUMENT_BYTES",
    "PERMANENT",
    "V5",
    "ZERO_ADDRESS",
    "Cause",
    "Computed",
    "DealParams",
    "ExecutionError",
    "Layout",
    "OutputFile",
    "OutputLimits",
    "OutputTree",
    "Status",
    "TaskContext",
    "callback_digest",
    "callback_link",
    "dropbox_link",
    "environment",
    "error_text",
    "file_digest",
    "file_names",
    "http_link",
    "ipfs_link",
    "open_beneath",
    "output_digest",
    "output_path",
    "parse_params",
    "read_computed",
    "scan_output",
    "split_arguments",
    "stream_digest",
    "write_archive",
]
