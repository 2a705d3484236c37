"""Greet whoever the first argument names, and show all arguments and input files."""

import json
import os
import sys
from pathlib import Path

inputs, outputs = Path(os.environ["IEXEC_IN"]), Path(os.environ["IEXEC_OUT"])
arguments = sys.argv[1:]

greeting = f"* Hello, {arguments[0] if arguments else 'World'}! *"
lines = ["*" * len(greeting), greeting, "*" * len(greeting)]
lines += [f"argument {argument}" for argument in arguments]
for number in range(1, int(os.environ.get("IEXEC_INPUT_FILES_NUMBER", "0")) + 1):
    name = os.environ[f"IEXEC_INPUT_FILE_NAME_{number}"]
    lines += [f"file {name}", (inputs / name).read_text()]

text = "\n".join(lines)
print(text)
(outputs / "result.txt").write_text(f"{text}\n")
proof = {"deterministic-output-path": str(outputs / "result.txt")}
(outputs / "computed.json").write_text(json.dumps(proof))
