"""Explain what the market refuses or waits for: the rule, both values, who can mend it and how.

::

    from poco.explain import Explainer, render

    explainer = Explainer(market, orderbook_client, compass_url)    # each of them may be None
    print(render(explainer.explain("0x5f…")))                       # what `poco explain` prints
    explainer.explain("Match_TrustTooLow").findings[0].remedy

What needs no looking up is pure: `explain_error`, `explain_revert`, `explain_code`,
`explain_orders`, `explain_task`, `explain_deal`, `explain_transaction` take values and return an
`Explanation`.
"""

from poco.explain.codes import explain_code
from poco.explain.deals import DealFacts, explain_boost_deal, explain_deal
from poco.explain.errors import explain_error, explain_original, explain_revert
from poco.explain.explainer import Explainer, OrderSource
from poco.explain.model import Explanation, Finding
from poco.explain.orders import explain_bulk, explain_orders
from poco.explain.recognition import recognise
from poco.explain.rendering import render
from poco.explain.steps import TaskFacts
from poco.explain.tasks import explain_task
from poco.explain.transactions import TransactionFacts, explain_transaction

__all__ = [
    "DealFacts",
    "Explainer",
    "Explanation",
    "Finding",
    "OrderSource",
    "TaskFacts",
    "TransactionFacts",
    "explain_boost_deal",
    "explain_bulk",
    "explain_code",
    "explain_deal",
    "explain_error",
    "explain_orders",
    "explain_original",
    "explain_revert",
    "explain_task",
    "explain_transaction",
    "recognise",
    "render",
]
