"""Forms of stated hours: one member with several lines, one line to be mended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.crypto import get_random_string

from credits.claim_checks import LONGEST, Fault, Stated
from credits.claim_sheets import forms as admitted
from credits.forms import HoursField, as_hours
from credits.models import HoursClaim
from credits.rule_sets import Rules
from portal.forms import DayField
from portal.models import Member

SPARE = 2  # rows besides one for each period
MOST = 40  # rows of one form
PROOF = "登记簿名称和页码，或出具证明的单位。"


class ClaimForm(forms.Form):
    """What a register or a certificate states of one member; the rows are by period and form."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=40)
    rows = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=MOST)
    member = forms.ChoiceField(label="党员")
    kind = forms.ChoiceField(
        label="来源", choices=HoursClaim.Kind.choices, widget=forms.RadioSelect
    )
    day = DayField(label="截至日期", help_text="登记簿记到哪天，或在外单位学到哪天。")
    proof = forms.CharField(label="依据", max_length=LONGEST, help_text=PROOF)

    def __init__(self, data: Any = None, *, people: Sequence[Member], rules: Rules,
                 initial: dict[str, Any] | None = None) -> None:  # fmt: skip
        periods = [(p.code, p.name) for p in rules.periods]
        wanted = str((data or initial or {}).get("rows", ""))
        self.count = len(periods) + SPARE
        if wanted.isascii() and wanted.isdecimal():
            self.count = min(max(int(wanted), 1), MOST)
        usual = {"key": get_random_string(20), "kind": "opening"}
        super().__init__(data, initial=usual | (initial or {}) | {"rows": self.count})
        self.people = {str(m.pk): m for m in people}
        chosen: Any = self.fields["member"]
        chosen.choices = [("", "请选择")] + [(pk, f"{m.name} {m.tail}") for pk, m in
                                            self.people.items()]  # fmt: skip
        forms_ = [(code, label) for label, code in admitted(rules).items()]
        for n in range(1, self.count + 1):
            period = periods[n - 1][0] if n <= len(periods) else ""
            self.fields[f"form_{n}"] = forms.ChoiceField(label="学习方式", choices=forms_)
            self.fields[f"period_{n}"] = forms.ChoiceField(
                label="历史时期", choices=[*periods, ("", "不分时期")], required=False,
                initial=period,
            )  # fmt: skip
            self.fields[f"hours_{n}"] = HoursField(label="学时", required=False)

    def lines(self) -> list[tuple[int, list[forms.BoundField]]]:
        """The rows as the page shows them."""
        names = ("period", "form", "hours")
        return [(n, [self[f"{name}_{n}"] for name in names]) for n in range(1, self.count + 1)]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors and not any(values.get(f"hours_{n}") for n in self._numbers):
            self.add_error("hours_1", "请至少填写一行学时。")
        return values

    def stated(self) -> list[Stated]:
        """The rows in which hours stand."""
        values = self.cleaned_data
        member = self.people[values["member"]]
        return [
            Stated(
                member, values["kind"], values[f"form_{n}"], values[f"period_{n}"], values["day"],
                values[f"hours_{n}"], values["proof"], n,
            )
            for n in self._numbers
            if values.get(f"hours_{n}") is not None
        ]  # fmt: skip

    def show(self, faults: Sequence[Fault]) -> None:
        """Say each fault beside the field it is about, what several rows share once."""
        said = [(f"{f.field}_{f.row}", f.field, f.message) for f in faults]
        places = [(own if own in self.fields else shared, text) for own, shared, text in said]
        for place, text in dict.fromkeys(places):
            self.add_error(place, text)

    @property
    def _numbers(self) -> range:
        return range(1, self.count + 1)


class MendForm(forms.Form):
    """One line, to be handed in anew."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    kind = forms.ChoiceField(label="来源", choices=HoursClaim.Kind.choices)
    form = forms.ChoiceField(label="学习方式")
    period = forms.ChoiceField(label="历史时期", required=False)
    day = DayField(label="截至日期")
    hours = HoursField(label="学时")
    proof = forms.CharField(label="依据", max_length=LONGEST, help_text=PROOF)

    def __init__(self, data: Any = None, *, claim: HoursClaim, rules: Rules) -> None:
        initial = {name: getattr(claim, name) for name in self.base_fields}
        super().__init__(data, initial=initial | {"hours": as_hours(claim.hours)})
        form, period = self.fields["form"], self.fields["period"]
        form.choices = [(c, label) for label, c in admitted(rules).items()]  # type: ignore[attr-defined] # a ChoiceField
        period.choices = [*((p.code, p.name) for p in rules.periods), ("", "不分时期")]  # type: ignore[attr-defined] # as above

    def stated(self, member: Member) -> Stated:
        values = self.cleaned_data
        return Stated(
            member, values["kind"], values["form"], values["period"], values["day"],
            values["hours"], values["proof"],
        )  # fmt: skip
