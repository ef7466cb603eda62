"""Forms of changing units: they parse; the verbs decide."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from courses.reorganizing import DISSOLVE, DIVIDE, MERGE, MOVE, RENAME, Plan
from portal.forms import BranchField, DayField
from portal.models import Member, Organization


class ParentField(forms.CharField):
    """A standing organisation that may have others below it, by code, full or short name."""

    def clean(self, value: Any) -> Organization:
        text = str(super().clean(value)).strip()
        above = Organization.objects.standing().exclude(kind=Organization.Kind.BRANCH)
        for field in ("code", "name", "short_name"):
            found = list(above.filter(**{field: text})[:2])
            if len(found) == 1:
                return found[0]
        raise ValidationError(f"没有找到唯一的党组织“{text}”，请填写全称或编码。")


class ActForm(forms.Form):
    """Base: what is to be done to `organization`; `plan` is what it says."""

    act = ""

    def __init__(self, *args: Any, organization: Organization, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organization, self.today = organization, today
        if "on" in self.fields:
            self.fields["on"].initial = today

    def plan(self) -> Plan:
        values = self.cleaned_data
        return Plan(
            act=self.act,
            organization=self.organization,
            on=values.get("on") or self.today,
            other=values.get("into") or values.get("parent"),
            name=values.get("name", ""),
            short_name=values.get("short_name", ""),
            code=values.get("code", ""),
            people=tuple(m.pk for m in values.get("people", ())),
            secretary=getattr(values.get("secretary"), "pk", None),
        )


class RenameForm(ActForm):
    act = RENAME
    name = forms.CharField(label="新的全称", max_length=80)
    short_name = forms.CharField(
        label="新的简称", max_length=40, required=False, help_text="不填则与全称相同。"
    )
    on = DayField(label="自何日起", help_text="这一天以前的表册仍用原名。")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].initial = self.organization.name
        self.fields["short_name"].initial = self.organization.short_name


class MoveForm(ActForm):
    act = MOVE
    parent = ParentField(
        label="新的上级党组织",
        help_text="填写全称、简称或编码。",
        widget=forms.TextInput(attrs={"list": "offered", "autocomplete": "off"}),
    )


class MergeForm(ActForm):
    act = MERGE
    into = BranchField(
        label="并入哪个党支部",
        help_text="填写全称、简称或编码。",
        widget=forms.TextInput(attrs={"list": "offered", "autocomplete": "off"}),
    )
    on = DayField(label="自何日起")


class DivideForm(ActForm):
    act = DIVIDE
    name = forms.CharField(label="新支部全称", max_length=80)
    short_name = forms.CharField(label="新支部简称", max_length=40, required=False)
    code = forms.CharField(label="新支部编码", max_length=20)
    on = DayField(label="自何日起")
    people = forms.ModelMultipleChoiceField(
        Member.objects.none(),
        label="编入新支部的党员",
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": "请勾选要编入新支部的党员。",
            "invalid_choice": "勾选的人里有人已不在这个党支部，请重新勾选。",
        },
    )
    secretary = forms.ModelChoiceField(
        Member.objects.none(),
        label="新支部书记",
        required=False,
        empty_label="以后再任命，或由上级代管",
        error_messages={"invalid_choice": "书记要从这个党支部的党员中选。"},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        here = Member.objects.in_branch(self.organization).order_by("name", "number")
        for name in ("people", "secretary"):
            field: Any = self.fields[name]
            field.queryset = here
            field.label_from_instance = _named
        taken = set(
            Organization.objects.filter(code__startswith=f"{self.organization.code}-").values_list(
                "code", flat=True
            )
        )
        codes = (f"{self.organization.code}-{n}" for n in range(2, 99))
        self.fields["code"].initial = next((c for c in codes if c not in taken), "")[:20]


class DissolveForm(ActForm):
    act = DISSOLVE
    on = DayField(label="撤销日期")


def _named(member: Member) -> str:
    return f"{member.name}（{member.number[-4:]}）"
