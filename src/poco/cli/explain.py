"""`poco explain`: which rule, which field, both values, who can mend it, and the command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from poco.cli.shell import Shell, chain_options, output_options

if TYPE_CHECKING:
    from poco.explain import Explainer

__all__ = ["command"]


@click.command(epilog="Example: poco explain iExecV5-matchOrders-0x06")
@click.argument("subjects", metavar="X...", nargs=-1)
@click.option("--app", metavar="HASH", help="App order of a pair or a match.")
@click.option("--dataset", metavar="HASH", help="Dataset order of a pair or a match.")
@click.option("--workerpool", metavar="HASH", help="Workerpool order of a pair or a match.")
@click.option("--request", metavar="HASH", help="Request order of a pair or a match.")
@click.option("--sponsor", metavar="ADDRESS", help="Who pays instead of the requester.")
@chain_options
@output_options
def command(
    shell: Shell,
    subjects: tuple[str, ...],
    app: str | None,
    dataset: str | None,
    workerpool: str | None,
    request: str | None,
    sponsor: str | None,
) -> None:
    """Explain X: a rule that is broken, or what happens next and who may do it.

    X is revert data, the name of an error (of the original contracts, too), a cause or a status, a
    transaction, a deal, a task, an address, or orders: their hashes or files, several together. A
    dataset order with a deal asks whether it may join the deal's bulk. No wallet is needed.
    """
    from poco.errors import UserInputError
    from poco.explain import render

    texts = (*subjects, *filter(None, (app, dataset, workerpool, request)))
    if not texts:
        raise UserInputError(
            "X is needed",
            field="X",
            value="",
            remedy="see `poco explain --help`",
        )
    explanation = _explainer(shell, texts).explain(*texts, sponsor=sponsor)
    shell.done(explanation.to_json(), render(explanation))


def _explainer(shell: Shell, texts: tuple[str, ...]) -> Explainer:
    """Return what explains with the chain of the folder; without one where none is needed."""
    from poco.explain import Explainer, recognise

    is_needed = any(recognise(text).kind.is_of_a_chain for text in texts)
    if not is_needed or not shell.project.has("chain.json"):
        return Explainer()
    book = shell.orderbook if shell.chain.iexec_gateway else None
    return Explainer(shell.reader, book, shell.compass)
