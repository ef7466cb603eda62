"""Who is meant by a name: the branch's own people first, never a guess."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from .headings import same_group
from .leave import kind_in
from .marks import Legend, judge
from .model import Person, Roster
from .names import TITLES, Written, key, untitled, written


@dataclass
class Directory:
    """The roster by comparable names, with the look-ups that the reading needs."""

    roster: Roster
    by_key: dict[str, list[Person]] = field(default_factory=dict)
    others: dict[str, list[Person]] = field(default_factory=dict)
    _known: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for person in self.roster.own:
            self.by_key.setdefault(key(person.name), []).append(person)

    def resolve(self, text: str) -> tuple[str, str]:
        """The key of the own person that a cell names, and what else it says; "" if nobody."""
        if text not in self._known:
            self._known[text] = self._resolve(written(text))
        return self._known[text]

    def _resolve(self, cell: Written) -> tuple[str, str]:
        beside = " ".join(cell.notes)
        if any(":" in note for note in cell.notes):
            return "", beside  # "记录人：鲍棠溪" is a signature, no row
        bare = key(cell.name)
        if bare in self.by_key:
            return bare, beside
        stripped, title = untitled(cell.name)
        if key(stripped) in self.by_key:
            return key(stripped), f"{title} {beside}".strip()
        for length in range(len(bare) - 1, 1, -1):
            rest = bare[length:]
            if bare[:length] in self.by_key and says_something(rest):
                return bare[:length], f"{rest} {beside}".strip()
            if bare[-length:] in self.by_key and TITLES.fullmatch(bare[:-length]):
                return bare[-length:], f"{bare[:-length]} {beside}".strip()
        return "", beside

    def knows(self, text: str) -> bool:
        """Whether the cell names one of the branch's own people."""
        return bool(text) and len(text) < 60 and bool(self.resolve(text)[0])

    def own(self, name_key: str, day: date | None) -> list[Person]:
        """Own people of that name; those who belonged on the day before those who did not."""
        found = self.by_key.get(name_key, [])
        belonging = [person for person in found if person.belongs_on(day)]
        return belonging or found

    def due_on(self, day: date | None) -> list[Person]:
        """The branch's members of that day."""
        return [person for person in self.roster.own if person.belongs_on(day)]

    def look_up(self, names: Iterable[str]) -> None:
        """Fetch, in one call, the people of other branches who bear one of the names."""
        wanted = {name for name in names if name and key(name) not in self.others}
        if not wanted:
            return
        for name in wanted:
            self.others[key(name)] = []
        own = {person.number for person in self.roster.own}
        for person in self.roster.elsewhere(wanted):
            if person.number not in own:
                self.others.setdefault(key(person.name), []).append(person)

    def near(self, name: str, taken: Collection[str]) -> list[Person]:
        """Own people whose names are close to this one, those not yet in the sheet first."""
        bare, used = key(name), taken
        sharing = {p.number: p for c in set(bare) for p in self._by_character.get(c, ())}
        close = [p for p in sharing.values() if p.belongs_on(None) and _close(bare, p)]
        sounding = {key(person.name) for person in close}
        alike = self._by_sound.get(_sound(bare), ())
        close += [person for person in alike if key(person.name) not in sounding]
        return sorted(close, key=lambda person: (person.number in used, person.number))[:6]

    @cached_property
    def _by_character(self) -> dict[str, list[Person]]:
        found: dict[str, list[Person]] = {}
        for person in self.roster.own:
            for character in set(key(person.name)):
                found.setdefault(character, []).append(person)
        return found

    @cached_property
    def _by_sound(self) -> dict[tuple[str, ...], list[Person]]:
        found: dict[tuple[str, ...], list[Person]] = {}
        for person in self.roster.own:
            found.setdefault(_sound(key(person.name)), []).append(person)
        return found


def says_something(rest: str) -> bool:
    """Whether what follows a name is a title or a status: 佟砚秋书记, 岑越舟病假."""
    if TITLES.fullmatch(rest):
        return True
    return bool(judge(rest, Legend()).status or kind_in(rest)) and len(rest) <= 6


def _close(bare: str, person: Person) -> bool:
    other = key(person.name)
    if abs(len(bare) - len(other)) > 1:
        shorter, longer = sorted((bare, other), key=len)
        return len(shorter) >= 2 and longer.startswith(shorter)
    title = re.fullmatch(rf"[小老]?(.)(?:{TITLES.pattern})?", bare)
    if title and len(bare) <= 3 and other.startswith(title[1]) and bare != title[1]:
        return True
    if len(bare) == len(other):
        return sum(a != b for a, b in zip(bare, other, strict=True)) <= 1 or sorted(bare) == sorted(
            other
        )
    shorter, longer = sorted((bare, other), key=len)
    return any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))


def _sound(name: str) -> tuple[str, ...]:
    from pypinyin import lazy_pinyin  # slow to load; needed only for names that nobody bears

    return tuple(lazy_pinyin(name))


def fits(person: Person, *, group: str, standing: str, unit: str) -> bool | None:
    """Whether what the row says singles this person out: yes, no, or it says nothing (None)."""
    said: list[bool] = []
    if group and person.group:
        said.append(same_group(group, person.group))
    if "预备" in standing:
        said.append(person.status == "probationary")
    elif "正式" in standing:
        said.append(person.status == "full")
    if unit and ("支部" in unit or unit in person.branch_name):
        said.append(is_branch(unit, person.branch_name))
    return all(said) if said else None


def is_branch(unit: str, branch_name: str) -> bool:
    """第二党支部 and 水务局机关第二支部 both name 云川市水务局机关第二党支部."""
    position = 0
    for character in unit.replace("党支部", "").replace("支部", "").replace("中共", ""):
        position = branch_name.find(character, position) + 1
        if not position:
            return False
    return True


def labelled(person: Person, *, foreign: bool) -> dict[str, str]:
    """A candidate for a question, with what tells two people of one name apart."""
    standing = "预备党员" if person.status == "probationary" else "正式党员"
    parts = [person.branch_name if foreign else person.group, standing]
    tail = person.number[-4:] if foreign else person.number
    parts = [part for part in parts if part] + [f"编号{'尾号' if foreign else ''} {tail}"]
    label = f"{person.name}（{'，'.join(parts)}）"
    return {
        "value": person.number,
        "label": label,
        "member": person.number,
        "name": person.name,
        "branch": person.branch_name,
        "group": person.group,
        "status": person.status,
    }


def by_number(people: Sequence[Person]) -> dict[str, Person]:
    """Spreadsheets drop leading zeros: 110001 is 00110001."""
    return {person.number.lstrip("0"): person for person in people}
