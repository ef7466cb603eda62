"""The form that draws a sample: it parses; the verb decides."""

from __future__ import annotations

from typing import Any

from django import forms

from portal.forms import DayField


class SampleForm(forms.Form):
    """A drawing among confirmed logs."""

    organization = forms.TypedChoiceField(label="抽查范围", coerce=int)
    first = DayField(label="学习日期自")
    last = DayField(label="学习日期至")
    rate = forms.DecimalField(
        label="抽查比例（%）", min_value=0.1, max_value=20, max_digits=3, decimal_places=1,
        help_text="至少抽 1 条；最高 20%。",
    )  # fmt: skip
    reason = forms.CharField(label="抽查事由", max_length=200, help_text="被抽到的党员会看到。")
    due_on = DayField(label="请在此日前说明")
    key = forms.CharField(max_length=24, widget=forms.HiddenInput)

    def __init__(self, *args: Any, organizations: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["organization"].choices = organizations  # type: ignore[attr-defined] # a ChoiceField

    def values(self) -> dict[str, Any]:
        """What drawing takes, beside the organisation."""
        values = dict(self.cleaned_data)
        del values["organization"]
        return values | {"rate": int(values["rate"] * 10)}
