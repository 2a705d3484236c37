"""How entities are declared: columns, and relations that follow from the columns of others."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

__all__ = ["ID", "Column", "Derived", "Entity", "Field", "Kind", "Linked"]


class Kind(Enum):
    """What a column holds."""

    ID = "ID"
    TEXT = "String"
    HEX = "Bytes"
    NUMBER = "BigInt"
    AMOUNT = "BigDecimal"
    """nRLC in the database, RLC in answers."""
    SMALL = "Int"
    TASK_STATUS = "TaskStatus"
    CONTRIBUTION_STATUS = "ContributionStatus"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Column:
    """A field that is stored.

    Args:
        name: in the schema and in the table.
        kind: what it holds.
        required: whether every entity has it.
        target: entity that a reference leads to.
        hidden: whether the schema leaves it out.
    """

    name: str
    kind: Kind
    required: bool = True
    target: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Derived:
    """Those entities of a kind that refer to this one.

    Args:
        name: in the schema.
        target: entity or interface.
        via: its column that refers here.
        single: whether there is at most one.
    """

    name: str
    target: str
    via: str
    single: bool = False


@dataclass(frozen=True, slots=True)
class Linked:
    """Entities that are found through the rows of a third one.

    Args:
        name: in the schema.
        target: entity.
        link: the third one.
        near: its column that refers here.
        far: its column that refers to the target.
    """

    name: str
    target: str
    link: str
    near: str
    far: str


Field: TypeAlias = Column | Derived | Linked


ID = Column("id", Kind.ID)
"""What all entities have."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A type of the schema; an interface has no table of its own.

    Args:
        name: in the schema.
        fields: without the id.
        interface: that it implements, or empty.
    """

    name: str
    fields: tuple[Field, ...]
    interface: str = ""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The fields that are stored, the id first."""
        return (ID, *(field for field in self.fields if isinstance(field, Column)))

    @property
    def plural(self) -> str:
        """Name of the query for several, as graph-node makes it."""
        name = self.singular
        return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"

    @property
    def singular(self) -> str:
        """Name of the query for one."""
        return self.name[0].lower() + self.name[1:]
