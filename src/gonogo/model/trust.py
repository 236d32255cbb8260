"""Who may sign what: people, their keys and roles, and what each stage asks for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field

from gonogo.model.plan import StageId
from gonogo.model.vocabulary import Frozen, Word

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_MOMENTS = "allowed: a date such as 2027-06-30, or a time with its zone such as 2027-06-30T12:00:00Z"


def parse_start(value: object) -> datetime:
    """Return the moment from which something holds; a date alone is the beginning of that day in UTC."""
    return _parse_moment(value, timedelta(0))


def parse_end(value: object) -> datetime:
    """Return the moment at which something ends; a date alone is included to the end of that day in UTC."""
    return _parse_moment(value, timedelta(days=1))


def _parse_moment(value: object, whole_day: timedelta) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return datetime.fromisoformat(value).replace(tzinfo=UTC) + whole_day
        moment = datetime.fromisoformat(str(value)).astimezone(UTC) if isinstance(value, str) else None
        if moment is not None and datetime.fromisoformat(str(value)).tzinfo is not None:
            return moment
    except (ValueError, OverflowError):
        pass
    raise ValueError(_MOMENTS)


def parse_duration(value: object) -> timedelta:
    """Return a duration written like 30m, 48h or 7d."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("allowed: minutes, hours or days, such as 30m, 48h, 7d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


Start = Annotated[datetime, BeforeValidator(parse_start)]
End = Annotated[datetime, BeforeValidator(parse_end)]
Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
# The last character of 32 bytes in base64 carries four bits only: a key has one text.
KeyText = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$")]
PrintedName = Annotated[
    str, Field(min_length=1, max_length=100, pattern=r"^[^\"\s\x00-\x1f\x7f]+( [^\"\s\x00-\x1f\x7f]+)*$")
]


class TrustKey(Frozen):
    """A public key with the time in which it counts; a revoked key counts for nothing, whenever it signed."""

    public: KeyText
    valid_from: Start | None = None
    valid_until: End | None = None
    revoked_at: Start | None = None
    reason: str = ""


class Identity(Frozen):
    """A person, or a machine such as the CI, with roles and keys."""

    name: PrintedName
    roles: tuple[Word, ...] = Field(min_length=1)
    keys: tuple[TrustKey, ...] = Field(min_length=1)
    valid_from: Start | None = None
    valid_until: End | None = None


class Requirement(Frozen):
    """So many different people in one of these roles."""

    roles: tuple[Word, ...] = Field(min_length=1)
    count: int = Field(default=1, ge=1, le=20)


class Freshness(Frozen):
    """How old evidence and approvals may be."""

    evidence: Duration
    approval: Duration


class StageRule(Frozen):
    """What some stages in some environments ask for; `waivers` are the roles that may waive there."""

    stages: tuple[StageId, ...] = Field(min_length=1)
    environments: tuple[Word, ...] = Field(min_length=1)
    approvals: tuple[Requirement, ...] = Field(min_length=1)
    fresh_for: Freshness
    waivers: tuple[Word, ...] = ()


class TrustFile(Frozen):
    """The data of trust.yaml; `root` is the public key that signs it."""

    version: int = Field(ge=1, le=1_000_000)
    expires: End
    root: KeyText
    people: tuple[Identity, ...] = Field(min_length=1)
    machines: tuple[Identity, ...] = ()
    systems: dict[Word, tuple[StageRule, ...]] = Field(min_length=1)

    def rule_for(self, system: str, stage: str, environment: str) -> StageRule | None:
        """Return what a stage in an environment asks for, or None where nothing is laid down."""
        for rule in self.systems.get(system, ()):
            if stage in rule.stages and environment in rule.environments:
                return rule
        return None


def fold_name(name: str) -> str:
    """Return a printed name so that two ways of writing it are one person."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def assign_people(requirements: Sequence[Requirement], roles: Mapping[str, set[str]]) -> list[tuple[str, ...]]:
    """Return who meets each requirement, by name, so that as many places as possible are filled.

    Each person fills one place at most, whatever roles they hold: a maximum matching of people and places.
    """
    places = [(index, set(one.roles)) for index, one in enumerate(requirements) for _ in range(one.count)]
    taken: dict[int, str] = {}

    def place(person: str, tried: set[int]) -> bool:
        for number, (_, wanted) in enumerate(places):
            if number in tried or not wanted & roles[person]:
                continue
            tried.add(number)
            if number not in taken or place(taken[number], tried):
                taken[number] = person
                return True
        return False

    for person in sorted(roles):
        place(person, set())
    met: list[list[str]] = [[] for _ in requirements]
    for number in sorted(taken):
        met[places[number][0]].append(taken[number])
    return [tuple(sorted(names)) for names in met]


# The y coordinates of the points of small order: under such a key one signature fits many messages.
_PRIME = 2**255 - 19
_WEAK = frozenset(
    {
        0,
        1,
        _PRIME - 1,
        int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
        int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
    }
)


def explain_key_bytes(raw: bytes) -> str:
    """Return what keeps bytes from being an Ed25519 public key to rely on, or nothing."""
    if len(raw) != 32:
        return f"an Ed25519 public key has 32 bytes, this has {len(raw)}"
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    return "the public key is not one that an Ed25519 key pair has" if y >= _PRIME or y in _WEAK else ""
