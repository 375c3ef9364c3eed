"""The catalogue of topics: what families there are, who writes and reads them, how long records are kept.

The families are data, ``contracts/topics/*.yaml``, one file each. A name such as ``school.<organiser>.leave.v1``
stands for one topic for each organiser of the installation's directory.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

import yaml

from contracts.events import TYPES
from contracts.organisers import Directory

OwnerKind = Literal["organiser", "municipality", "none"]

#: Owner kind → the digits of its topics' names. No ``{10}``: FastStream takes braces in a pattern for its own.
_OWNER: Final = {"organiser": "[0-9]" * 10, "municipality": "[0-9]" * 4}


@dataclass(frozen=True, slots=True)
class Family:
    """One file of the catalogue. ``owner`` says of whom there is one topic each; ``none``: one topic in all."""

    #: The name of its file, e.g. ``school.leave``.
    name: str
    #: The topic's name, with ``<organiser>`` or ``<municipality>`` where the owner stands.
    template: str
    description: str
    owner: OwnerKind
    types: frozenset[str]
    #: Services, or ``organiser`` | ``municipality`` (each its own topic) | ``credentials-import``.
    writers: tuple[str, ...]
    #: Services.
    readers: tuple[str, ...]
    key: str
    partitions: int
    #: Kafka's topic configuration, all values as text.
    config: Mapping[str, str] = field(hash=False)

    @property
    def pattern(self) -> str:
        """Regular expression of the family's topics, without anchors; the owner is its one group, if any."""
        escaped = re.escape(self.template)
        return (
            escaped.replace(f"<{self.owner}>", f"({_OWNER[self.owner]})") if self.owner != "none" else escaped
        )

    def topic(self, owner: str | None = None) -> str:
        """The topic of an organiser or a municipality, or the family's only one."""
        if (owner is None) != (self.owner == "none"):
            raise ValueError(f"{self.name}: one topic for each {self.owner}")
        return self.template.replace(f"<{self.owner}>", owner or "")


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic that must exist."""

    name: str
    partitions: int
    config: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True, slots=True, order=True)
class AccessRule:
    """What a principal may do with the topics of one name, or (``prefix``) of all names that begin so."""

    principal: str
    operation: Literal["read", "write"]
    pattern: Literal["literal", "prefix"]
    name: str


def _read() -> Iterator[Family]:
    for file in sorted(files("contracts").joinpath("topics").iterdir(), key=lambda file: file.name):
        entry: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
        if entry["owner"] not in get_args(OwnerKind) or not set(entry["types"]) <= TYPES.keys():
            raise ValueError(f"{file.name}: an owner or a type that does not exist")
        yield Family(
            name=file.name.removesuffix(".yaml"),
            template=entry["name"],
            description=entry["description"],
            owner=entry["owner"],
            types=frozenset(entry["types"]),
            writers=tuple(entry["writers"]),
            readers=tuple(entry["readers"]),
            key=entry["key"],
            partitions=entry["partitions"],
            config=MappingProxyType({name: str(value) for name, value in entry["config"].items()}),
        )


FAMILIES: Final[tuple[Family, ...]] = tuple(_read())

#: Event type → the one family whose topics carry it.
FAMILY_OF_TYPE: Final[Mapping[str, Family]] = MappingProxyType(
    {name: family for family in FAMILIES for name in family.types}
)


@lru_cache(maxsize=16_384)
def family_of(topic: str) -> tuple[Family, str | None] | None:
    """The family of a topic, and the organiser or municipality it belongs to; None for a topic not of ours."""
    for family in FAMILIES:
        match = re.fullmatch(family.pattern, topic)
        if match:
            return family, match.group(1) if family.owner != "none" else None
    return None


def read_by(service: str) -> tuple[Family, ...]:
    """The families that a service reads. Raises ValueError for one that the catalogue does not name."""
    families = tuple(family for family in FAMILIES if service in family.readers)
    if not families:
        raise ValueError(f"no topic has {service} among its readers")
    return families


def subscription(service: str) -> str:
    """One anchored regular expression for all topics that a service reads, of any organiser, now or later.

    Without braces and without capturing groups, so that FastStream's ``pattern=`` leaves it as it is.
    """
    return f"^(?:{'|'.join(family.pattern.replace('(', '(?:') for family in read_by(service))})$"


def owners(family: Family, directory: Directory) -> tuple[str | None, ...]:
    """Those who have a topic of the family, in order of the directory; ``(None,)`` for the family's only one."""
    match family.owner:
        case "organiser":
            return tuple(organiser.number for organiser in directory.organisers)
        case "municipality":
            return directory.municipalities
        case _:
            return (None,)


def topics_of(directory: Directory) -> list[Topic]:
    """Every topic that an installation with this directory of organisers needs."""
    return [
        Topic(family.topic(owner), family.partitions, family.config)
        for family in FAMILIES
        for owner in owners(family, directory)
    ]


def access_rules(directory: Directory) -> list[AccessRule]:
    """Who may write and read what, sorted: all that Kafka's access control has to allow.

    An organiser is bound by one prefix, ``school.<number>.`` (INV-06). A service is named each topic, since a
    prefix ``school.`` would let the registry read absence.
    """
    rules: set[AccessRule] = set()
    for family in FAMILIES:
        for owner in owners(family, directory):
            topic = family.topic(owner)
            for writer in family.writers:
                if writer == family.owner:
                    prefix = topic[: topic.index(str(owner))] + f"{owner}."
                    rules.add(AccessRule(f"{writer}-{owner}", "write", "prefix", prefix))
                else:
                    rules.add(AccessRule(writer, "write", "literal", topic))
            rules.update(AccessRule(reader, "read", "literal", topic) for reader in family.readers)
    return sorted(rules)
