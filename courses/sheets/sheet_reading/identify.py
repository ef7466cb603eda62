"""Which member each row is: settled where the sheet settles it, otherwise asked."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from .cells import tight
from .lines import Line
from .model import Notice, Person, Question
from .names import key, untitled, written
from .people import Directory, by_number, fits, is_branch, labelled
from .questions import SKIP, Asker
from .questions import key as question_key

BRANCH = re.compile(r"([^本我该\W]{2,})支部(?!书记|副书记|委员|.委员)")


@dataclass
class Identity:
    """Who a row is. Neither person nor question: nobody of the portal, and the sheet says so."""

    person: Person | None = None
    question: str | None = None
    skipped: bool = False
    outsider: str | None = None
    candidates: tuple[Person, ...] = ()


@dataclass
class Identifier:
    """Identifies the rows of one sheet; all its look-ups are made in batches."""

    directory: Directory
    asker: Asker
    warnings: list[Notice]
    day: date | None = None
    numbers_count: bool = False
    found: dict[int, Identity] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    counted: int = 0

    def identify(self, lines: list[Line]) -> dict[int, Identity]:
        """The identity of every line, by its id()."""
        stated = [line for line in lines if line.number]
        wanted = {line.number.strip() for line in stated}
        # People of other branches who stand on this branch's rolls are known by name and number.
        known_guests = self.directory.roster.by_number(wanted) if wanted else ()
        own = by_number([*known_guests, *self.directory.roster.own])
        known = [line for line in stated if line.number.strip().lstrip("0") in own]
        # A column 工号 may number the staff of the house: it counts if it fits our members.
        self.numbers_count = len(known) * 2 >= len(stated)
        self.directory.look_up(
            untitled(line.name)[0]
            for line in lines
            if (not line.key or self._elsewhere(line)) and not line.outsider
        )
        for line in lines:
            identity = self._one(line, own)
            self.found[id(line)] = self._struck(line, identity) if is_struck(line) else identity
        self._eliminate(lines)
        for line in lines:
            identity = self.found[id(line)]
            if identity.candidates and not identity.person and not identity.question:
                identity.question = self._ask_homonym(line, identity)
        return self.found

    def _one(self, line: Line, own: dict[str, Person]) -> Identity:
        name = self._key(line)
        given = self.asker.answers.get(name) and self._given(name, line, own)
        if given:
            return self._answered(given, own, line)
        if self.numbers_count and line.number:
            numbered = own.get(line.number.strip().lstrip("0"))
            if numbered and (line.key or key(line.name)) == key(numbered.name):
                return Identity(numbered)
            if numbered:
                return Identity(question=self._ask_number(line, numbered))
        if line.key:
            return self._own(line)
        if line.outsider:
            return Identity(outsider=line.outsider)
        return Identity(question=self._ask_unknown(line))

    def _given(self, name: str, line: Line, own: dict[str, Person]) -> str | None:
        """The answer about a row, if it names somebody who can be meant."""
        others = self.directory.others.get(key(line.name), [])
        allowed = {person.number for person in (*own.values(), *others)}
        return self.asker.answer(name, {*allowed, SKIP})

    def _struck(self, line: Line, identity: Identity) -> Identity:
        """A name that is struck through may be withdrawn, or struck off while counting: asked."""
        if identity.person is None or self.asker.answer(self._key(line)):
            return identity
        text = f"“{line.name}”的姓名画了删除线，这一行还算不算？不算的请选择不导入。"
        candidates = [labelled(identity.person, foreign=False)]
        return Identity(question=self._ask(line, "struck", text, candidates))

    def _answered(self, given: str, own: dict[str, Person], line: Line) -> Identity:
        if given == SKIP:
            return Identity(skipped=True)
        others = {p.number: p for p in self.directory.others.get(key(line.name), [])}
        return Identity(own.get(given.lstrip("0")) or others.get(given))

    def _own(self, line: Line) -> Identity:
        people = self.directory.own(line.key, self.day)
        if self._elsewhere(line):
            others = self.directory.others.get(line.key, [])
            if others:
                return Identity(candidates=(*others, *people))
        if len(people) == 1:
            return Identity(people[0])
        said = {"group": line.group, "standing": line.standing, "unit": line.unit}
        judged = [(person, fits(person, **said)) for person in people]
        fitting = [person for person, answer in judged if answer]
        if len(fitting) == 1:
            return Identity(fitting[0])
        left = [person for person, answer in judged if answer is not False]
        ends = re.findall(r"\d{2,8}", line.note)
        ending = [p for p in left if any(p.number.endswith(end) for end in ends)]
        if len(ending) == 1:  # 安若木（0005）
            return Identity(ending[0])
        return Identity(candidates=tuple(left or people))

    def _elsewhere(self, line: Line) -> bool:
        """Whether the row names another branch beside a name that somebody of this one bears."""
        found = BRANCH.search(tight(line.unit or line.note))
        return found is not None and not is_branch(found[1], self.directory.roster.branch_name)

    def _eliminate(self, lines: list[Line]) -> None:
        """Two rows of one name are two people: who one of them is leaves the other."""
        by_name: dict[str, list[Line]] = {}
        for line in lines:
            if line.key and len(self.directory.by_key[line.key]) > 1:
                by_name.setdefault(line.key, []).append(line)
        for same in by_name.values():
            settled = {
                identity.person.number for line in same if (identity := self.found[id(line)]).person
            }
            for line in same:
                identity = self.found[id(line)]
                left = [p for p in identity.candidates if p.number not in settled]
                if settled and len(left) == 1 and len(same) > 1:
                    identity.person, identity.candidates = left[0], ()

    def _key(self, line: Line) -> str:
        row, column = line.place
        what = f"{line.name}:name" if line.shared else "name"
        return question_key(line.cells.name, row, column, what)

    def _ask(self, line: Line, about: str, text: str, candidates: Iterable[dict[str, str]]) -> str:
        row, column = line.place
        name = self._key(line)
        self.asker.ask(
            Question(
                *(name, about, text, line.cells.name, row, column, line.text),
                tuple(candidates),
                skippable=True,
            )
        )
        return name

    def _ask_homonym(self, line: Line, identity: Identity) -> str:
        count, own = len(identity.candidates), self.directory.roster.branch
        text = f"本支部有 {count} 名党员叫“{line.name}”，这一行是哪一位？"
        if any(person.branch != own for person in identity.candidates):
            text = f"“{line.name}”写明是其他党支部的，本支部也有同名党员，这一行是哪一位？"
        candidates = (labelled(p, foreign=p.branch != own) for p in identity.candidates)
        return self._ask(line, "homonym", text, candidates)

    def _ask_number(self, line: Line, numbered: Person) -> str:
        text = f"编号 {line.number} 是“{numbered.name}”，表中姓名写的是“{line.name}”，这一行是谁？"
        people = [numbered, *self.directory.by_key.get(line.key, [])]
        return self._ask(line, "number", text, (labelled(p, foreign=False) for p in people))

    def _ask_unknown(self, line: Line) -> str:
        bare = untitled(written(line.text).name)[0]
        others = self.directory.others.get(key(bare), [])
        if others:
            text = f"“{bare}”不在本支部名册中，其他党支部有同名党员，是不是这位？"
            return self._ask(
                line, "other_branch", text, (labelled(p, foreign=True) for p in others)
            )
        near = self.directory.near(bare, self._taken())
        hint = "是不是下面的党员写错了？" if near else "请核对姓名，或选择不导入这一行。"
        text = f"名册中没有“{bare}”，{hint}"
        return self._ask(line, "unknown_name", text, (labelled(p, foreign=False) for p in near))

    def _taken(self) -> set[str]:
        """Numbers of those who stand in rows above."""
        for identity in list(self.found.values())[self.counted :]:
            if identity.person:
                self.taken.add(identity.person.number)
        self.counted = len(self.found)
        return self.taken


def is_struck(line: Line) -> bool:
    row, column = line.row + line.cells.top, line.column
    return not line.cells.is_turned and (row, column) in line.cells.grid.struck


def settle_equals(
    lines: list[Line], found: dict[int, Identity], result: dict[int, object]
) -> set[str]:
    """Homonyms whose rows say the same need no question: whoever is who, the result is one.

    `result` is what each line says in all sessions. Returns the keys of questions to drop.
    """
    dropped: set[str] = set()
    by_name: dict[str, list[Line]] = {}
    for line in lines:
        if line.key and found[id(line)].candidates:
            by_name.setdefault(line.key, []).append(line)
    for same in by_name.values():
        people = found[id(same[0])].candidates
        open_ones = [line for line in same if not found[id(line)].person]
        equal = all(result.get(id(line)) == result.get(id(same[0])) for line in same)
        if len(open_ones) == len(same) == len(people) and equal:
            for line, person in zip(same, people, strict=True):
                identity = found[id(line)]
                dropped.add(identity.question or "")
                identity.person, identity.question = person, None
    return dropped
