"""Every custom error of the contracts, but those of matching, with who can mend it.

The texts take the error's arguments by name. What is allowed and what was found are its first and
its second argument unless a row says otherwise. Remedies that are missing here are those that the
error itself is raised with (`poco.contracts.reverts.REMEDIES`).
"""

from poco.explain.rules.money import ESCROW
from poco.explain.rules.orders import ORDERS
from poco.explain.rules.registries import REGISTRIES
from poco.explain.rules.rule import Rule
from poco.explain.rules.solidity import SOLIDITY
from poco.explain.rules.tasks import STEPS

__all__ = ["RULES", "Rule"]

RULES: dict[str, Rule] = {**ESCROW, **ORDERS, **STEPS, **REGISTRIES, **SOLIDITY}
"""By name of the error; ``Error``, ``Panic``, ``Reverted`` and ``Unknown`` are no poco errors."""
