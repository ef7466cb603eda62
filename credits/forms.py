"""Forms of programmes, exemptions, certificates and bulletins: they parse; the verbs decide."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from credits.models import RankingPermit, View
from portal.forms import DayField
from portal.models import Cohort


class HoursField(forms.DecimalField):
    """Credit hours as people write them; cleaned to hundredths."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=6, decimal_places=2, min_value=0, **kwargs)

    def clean(self, value: Any) -> int | None:
        hours = super().clean(value)
        return None if hours is None else int(hours * 100)


class ExemptionForm(forms.Form):
    """A request for a full or lowered target."""

    kind = forms.ChoiceField(label="减免方式", choices=[("full", "免学"), ("lowered", "减少学时")])
    target = HoursField(label="减至学时", required=False, help_text="免学时不填。")
    since = DayField(label="自")
    until = DayField(label="至（不填为长期）", required=False)
    reason = forms.CharField(label="理由", max_length=200, widget=forms.Textarea(attrs={"rows": 3}))

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("kind") == "lowered" and not values.get("target"):
            self.add_error("target", "请填写减至多少学时。")
        if values.get("kind") == "full":
            values["target"] = None
        return values


class ReasonForm(forms.Form):
    """A reason, where an act needs nothing else."""

    reason = forms.CharField(label="理由", max_length=200, widget=forms.Textarea(attrs={"rows": 3}))


class PermitForm(forms.Form):
    level = forms.ChoiceField(label="排行范围", choices=RankingPermit.Level.choices)
    document = forms.CharField(label="依据文件", max_length=120, help_text="文件名称和文号。")


class RulesForm(forms.Form):
    """A rule set as JSON, with its authority; shown only after a rehearsal."""

    rules = forms.CharField(
        label="规则（JSON）", widget=forms.Textarea(attrs={"rows": 18, "spellcheck": "false"})
    )
    since = DayField(label="自")
    authority = forms.CharField(label="依据", max_length=120)
    reason = forms.CharField(label="理由", max_length=200)

    def clean_rules(self) -> dict[str, Any]:
        try:
            rules = json.loads(self.cleaned_data["rules"])
        except ValueError as error:
            raise ValidationError(f"不是有效的 JSON：{error}。") from error
        if not isinstance(rules, dict):
            raise ValidationError("规则要是一个 JSON 对象。")
        return rules


class NewDraftForm(forms.Form):
    title = forms.CharField(label="标题", max_length=80)
    cohorts = forms.MultipleChoiceField(
        label="系统", choices=Cohort.choices, widget=forms.CheckboxSelectMultiple
    )


class DraftForm(forms.Form):
    """Title and texts of a draft; the figures are beside it and cannot be edited."""

    title = forms.CharField(label="标题", max_length=80)
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for view, label in View.choices:
            rows = 3 if view == View.OPENING else 5
            self.fields[view] = forms.CharField(
                label=label,
                required=False,
                max_length=4000,
                widget=forms.Textarea(attrs={"rows": rows}),
            )
