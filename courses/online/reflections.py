"""Reflections (心得体会) as their authors write them: saved, handed in, taken back, discarded.

What the branch does with them is in reflection_reading.py. Locks: the reflection, then what is
recommended of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from courses.models import Course, Lesson, Material, Reflection, StudySession
from courses.models.reflection import ABOUT
from courses.online import near_copies
from portal.audit import Actor
from portal.form_names import named
from portal.models import Member
from portal.refusals import Conflict, Refusal

State = Reflection.State
MOST_OPEN = 100  # that one author may have begun and not handed in


class NotNow(Refusal):
    """The reflection is in a state that does not allow this."""


class OtherDevice(Conflict):
    """It was saved from elsewhere since the author saw it; `row` is what stands there."""

    message = "这一篇在别的设备上改过，两份都在下面，请选用一份。"

    def __init__(self, row: Reflection) -> None:
        super().__init__()
        self.row = row


@dataclass(frozen=True)
class Writing:
    """What an author has written. about: what it is about, as `lesson-3`, or empty."""

    title: str
    text: str
    about: str = ""
    consent: bool = False


@transaction.atomic
def save(key: str, writing: Writing, *, seen_version: int, by: Actor, at: datetime) -> Reflection:
    """Save what somebody writes, as often as they like; the first time makes the draft.

    seen_version: the one that they began with, 0 for a new one. Saving what stands there already
    changes nothing. Raises OtherDevice where it was changed meanwhile, NotNow once it is handed in,
    Refusal for what is too long and for a reflection of somebody else.
    """
    values = _values(writing, by.member)
    if not Reflection.objects.filter(key=key).exists():
        _begin(key, by.member, at=at)
    row = _own(Reflection.objects.get(key=key), by)
    if not row.is_open:
        raise NotNow(f"这一篇{row.get_state_display()}，不能再改；要改，请先撤回。")
    if row.version and all(getattr(row, name) == value for name, value in values.items()):
        return row
    if row.version != seen_version and row.version:
        raise OtherDevice(row)
    for name, value in values.items():
        setattr(row, name, value)
    row.version, row.saved_at = row.version + 1, at
    row.save(update_fields=[*values, "version", "saved_at"])
    return row


@transaction.atomic
def hand_in(
    key: str, writing: Writing, *, seen_version: int, by: Actor, at: datetime
) -> Reflection:
    """Save it and hand it to the branch; from then on it stays as it is. Raises as `save`, and
    Refusal without title, text or branch."""
    row = save(key, writing, seen_version=seen_version, by=by, at=at)
    if not row.title:
        raise Refusal("请写题目。", field="title")
    if not row.text.strip():
        raise Refusal("正文还是空的，写好再提交。", field="text")
    if by.member.branch_id is None:
        raise Refusal("您的组织关系已不在册，不能提交；文字已保存，可以继续修改。")
    row.state, row.branch_id, row.handed_in_at = State.HANDED_IN, by.member.branch_id, at
    row.read_by = row.read_at = None
    near_copies.keep(row)
    row.save()
    return row


@transaction.atomic
def take_back(reflection: Reflection, *, by: Actor, at: datetime) -> Reflection:
    """Make it a draft again, as long as nobody has read it. Raises NotNow."""
    row = _own(reflection, by)
    if row.state == State.DRAFT:
        return row
    if row.state != State.HANDED_IN:
        raise NotNow(f"支部已经看过（{row.get_state_display()}），不能撤回。")
    row.state, row.branch, row.handed_in_at = State.DRAFT, None, None
    row.version, row.saved_at = row.version + 1, at
    near_copies.keep(row)
    row.save()
    return row


@transaction.atomic
def discard(reflection: Reflection, *, by: Actor) -> None:
    """Throw a draft away for good. Raises NotNow for what was handed in, ever."""
    row = _own(reflection, by)
    if row.state != State.DRAFT:
        raise NotNow(f"这一篇{row.get_state_display()}，不能删除。")
    row.delete()


def lock(reflection: Reflection) -> Reflection:
    """Lock a reflection and read it anew."""
    return Reflection.objects.select_for_update(of=("self",)).told().get(pk=reflection.pk)


def _own(reflection: Reflection, by: Actor) -> Reflection:
    row = lock(reflection)
    if row.member_id != by.member.pk:
        raise Refusal("这一篇是别人写的。")
    return row


def _begin(key: str, author: Member, *, at: datetime) -> None:
    """An empty row, which two first savings at once make only one of."""
    begun = Reflection.objects.filter(member=author, state__in=[State.DRAFT, State.RETURNED])
    if begun.count() >= MOST_OPEN:
        raise Refusal(f"还没有提交的草稿已有 {MOST_OPEN} 篇，请先提交或删除几篇。")
    row = Reflection(key=key, member=author, version=0, saved_at=at)
    Reflection.objects.bulk_create([row], ignore_conflicts=True)


def _values(writing: Writing, author: Member) -> dict[str, Any]:
    """The columns that a writing fills. Raises Refusal."""
    title, text = " ".join(writing.title.split()), writing.text.replace("\r\n", "\n").rstrip()
    if len(title) > 60:
        raise Refusal(f"题目最多 60 个字，现在有 {len(title)} 个字。", field="title")
    if len(text) > Reflection.MOST:
        text = f"正文最多 {Reflection.MOST} 个字，现在有 {len(text)} 个字。"
        raise Refusal(text, field="text")
    found = about(writing.about, author)
    if writing.about and found is None:
        raise Refusal("没有找到所选的课程或活动，请重新选择。", field="about")
    names = {Lesson: "lesson", Material: "material", Course: "course", StudySession: "session"}
    chosen = dict.fromkeys((f"{name}_id" for name in ABOUT), None)
    if found is not None:
        chosen[f"{names[type(found)]}_id"] = found.pk
    return {"title": title, "text": text, "consent": writing.consent, **chosen}


def about(name: str, author: Member) -> Lesson | Material | Course | StudySession | None:
    """What `lesson-3` or `session-5` names; of sessions only those for which the author is due or
    on whose roll they stand."""
    kind, pk = named(name)
    match kind:
        case "lesson":
            return Lesson.objects.exclude(state="draft").filter(pk=pk).first()
        case "material":
            return Material.objects.filter(pk=pk).first()
        case "course":
            return Course.objects.filter(pk=pk).first()
        case "session":
            return StudySession.objects.for_member(author).filter(pk=pk).first()
    return None
