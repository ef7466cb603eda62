"""Forms of book bags and of the right to distribute a reading: they parse; the verbs decide."""

from __future__ import annotations

from typing import Any

from django import forms

from courses.models import BookBag, Lesson, Material, ReadingRight
from portal.form_names import named


class DescribeForm(forms.Form):
    """What a bag is called."""

    title = forms.CharField(label="书包名称", max_length=60)
    summary = forms.CharField(
        label="简介（可不填）", max_length=300, required=False,
        widget=forms.Textarea({"rows": 2}),
    )  # fmt: skip

    def describe(self, bag: BookBag) -> None:
        self.initial = {"title": bag.title, "summary": bag.summary}


class BagForm(DescribeForm):
    """A new bag."""

    slug = forms.CharField(
        label="标识", max_length=30,
        help_text="出现在网址和文件名里，以后不能改。小写字母、数字和短横，例如 mobile-2021。",
    )  # fmt: skip
    organization = forms.TypedChoiceField(label="编选单位", coerce=int)

    def __init__(self, *args: Any, organizations: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["organization"].choices = organizations  # type: ignore[attr-defined] # a ChoiceField


class RightForm(forms.Form):
    """What the right to distribute a reading rests on."""

    reading = forms.CharField(widget=forms.HiddenInput)
    kind = forms.ChoiceField(label="传播依据", choices=[("", "请选择"), *ReadingRight.Kind.choices])
    source = forms.CharField(
        label="出处和理由", max_length=200,
        help_text="写明文本来自哪里、凭什么可以分发，例如作者卒年、文号、授权书编号。",
    )  # fmt: skip


def reading_of(said: str) -> Lesson | Material | None:
    """The reading that a form names, as `lesson-3` or `material-5`; None where there is none."""
    kind, pk = named(said)
    if kind == "lesson":
        return Lesson.objects.filter(pk=pk).first()
    return Material.objects.filter(pk=pk).first() if kind == "material" else None
