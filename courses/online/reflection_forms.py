"""Forms of reflections: they parse; the verbs decide."""

from __future__ import annotations

from typing import Any

from django import forms

from courses.models import Course, Reflection, StudySession
from courses.online import reflections
from courses.online.reflections import Writing
from portal.models import Member, Organization

RECENT = 10  # sessions offered
LARGE = {"rows": 14}


class ReflectionForm(forms.Form):
    """What somebody writes. Nothing is required before it is handed in."""

    title = forms.CharField(label="题目", max_length=60, required=False)
    about = forms.ChoiceField(label="关于（可不选）", required=False)
    text = forms.CharField(
        label="正文", max_length=Reflection.MOST, required=False, strip=False,
        widget=forms.Textarea(LARGE),
    )  # fmt: skip
    consent = forms.BooleanField(
        label="同意作为典型展示（上级采用后，署名给大家学习；可以随时撤回）", required=False,
        widget=forms.CheckboxInput({"class": "form-check-input"}),
    )  # fmt: skip

    def __init__(self, *args: Any, author: Member, named: str = "", **kwargs: Any) -> None:
        """named: what it is about by now, or what its author came from; offered in any case."""
        super().__init__(*args, **kwargs)
        self.fields["about"].choices = _offered(author, named)  # type: ignore[attr-defined] # a ChoiceField

    def writing(self) -> Writing:
        return Writing(**self.cleaned_data)

    @staticmethod
    def initial_of(row: Reflection) -> dict[str, Any]:
        return {
            "title": row.title,
            "about": row.about_name,
            "text": row.text,
            "consent": row.consent,
        }


class RecommendForm(forms.Form):
    """To whom, and why."""

    organization = forms.TypedChoiceField(label="推荐给", coerce=int)
    reason = forms.CharField(
        label="推荐理由", max_length=200, widget=forms.Textarea({"rows": 2}), required=False
    )

    def __init__(self, *args: Any, above: list[Organization], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(one.pk, one.name) for one in above]
        self.fields["organization"].choices = choices  # type: ignore[attr-defined] # a ChoiceField


def _offered(author: Member, named: str) -> list[tuple[str, Any]]:
    """What one may write about: what was asked for, one's last sessions, courses."""
    groups: list[tuple[str, Any]] = [("", "不选")]
    asked = reflections.about(named, author) if named else None
    own = StudySession.objects.filter(attendances__member=author).order_by("-starts_at")[:RECENT]
    held = [(f"session-{s.pk}", f"{s.day.month}月{s.day.day}日 {s}") for s in own]
    courses = [(f"course-{c.pk}", c.title) for c in Course.objects.all()]
    if asked is not None and named not in dict(held + courses):
        groups.append((named, str(asked)))
    return [*groups, ("活动", held), ("课程", courses)]
