"""A whole market told as a story on a chain of its own; every claim it makes is checked."""

from poco.demo.ledger import Ledger, Line, changes
from poco.demo.narrator import Narrator
from poco.demo.story import Outcome, Story, TaskOutcome

__all__ = ["Ledger", "Line", "Narrator", "Outcome", "Story", "TaskOutcome", "changes"]
