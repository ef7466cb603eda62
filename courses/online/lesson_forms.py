"""Forms of the editor of lessons: they parse; the verbs decide."""

from __future__ import annotations

from typing import Any

from django import forms

from courses.forms import periods_of
from courses.log_checks import OWN_FORMS
from courses.models import Course, Lesson, LessonDraft, Question
from courses.online.lesson_bank import Wording
from courses.online.lesson_texts import LONGEST, Text
from credits.models import Programme

HOW_TO = (
    "空一行另起一段；“## 小标题”；“- 一条”；“**重点**”。图片和音像先在下面上传，再把给出的"
    "一行放到正文里。"
)


class TextForm(forms.Form):
    """What a lesson says. seen: the draft's version on the page."""

    title = forms.CharField(label="名称", max_length=60)
    kind = forms.CharField(label="形式（可不填）", max_length=20, required=False)
    form = forms.ChoiceField(label="学习方式", choices=[(f.value, f.label) for f in OWN_FORMS])
    period = forms.ChoiceField(label="历史时期", required=False)
    minutes = forms.IntegerField(label="时长（分钟）", min_value=1, max_value=240)
    band = forms.TypedChoiceField(label="学时档次", choices=Lesson.Band.choices, coerce=int)
    asked = forms.IntegerField(label="每次抽几题", min_value=1, max_value=10, initial=3)
    needed = forms.IntegerField(label="答对几题通过", min_value=1, max_value=10, initial=2)
    body = forms.CharField(
        label="正文",
        max_length=LONGEST,
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 16}),
        help_text=HOW_TO,
    )
    seen = forms.IntegerField(widget=forms.HiddenInput, initial=0, required=False)

    def __init__(self, *args: Any, programme: Programme | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        periods = periods_of(programme) if programme else []
        self.fields["period"].choices = [("", "不分时期"), *periods]  # type: ignore[attr-defined] # a ChoiceField

    def show(self, draft: LessonDraft) -> None:
        self.initial = {name: getattr(draft, name) for name in Text.__dataclass_fields__}
        self.initial["seen"] = draft.version

    def keep_as(self, name: str) -> None:
        """Let static/unsent.js keep under this name what is written and not yet saved."""
        for field, one in self.fields.items():
            if field != "seen":
                one.widget.attrs["data-draft"] = f"{name}-{field}"

    def text(self) -> Text:
        """What the verb takes."""
        values = self.cleaned_data
        return Text(**{name: values[name] for name in Text.__dataclass_fields__})


class BeginForm(forms.Form):
    """A new lesson: what it is called, where it belongs, whose it is."""

    title = forms.CharField(label="名称", max_length=60)
    course = forms.ModelChoiceField(label="放在", queryset=Course.objects.none(), empty_label=None)
    organiser = forms.TypedChoiceField(label="编写单位", coerce=int)

    def __init__(self, *args: Any, organisers: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        series = Course.objects.filter(kind=Course.Kind.SERIES)
        self.fields["course"].queryset = series  # type: ignore[attr-defined] # a ModelChoiceField
        self.fields["organiser"].choices = organisers  # type: ignore[attr-defined] # a ChoiceField


class QuestionForm(forms.Form):
    """One question. choices: one a line, a right one marked by a star before it."""

    kind = forms.ChoiceField(label="题型", choices=Question.Kind.choices)
    text = forms.CharField(label="题目", max_length=200)
    choices = forms.CharField(
        label="选项（每行一个，正确的前面加 *）",
        max_length=800,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="例如“*夜校”。判断题只写一行：*正确 或 *错误。",
    )
    explanation = forms.CharField(
        label="答错时的提示",
        max_length=200,
        help_text="说明答案在正文的哪里，不要直接写出答案。",
    )

    def wording(self) -> Wording:
        """What the verb takes."""
        values = self.cleaned_data
        lines = [line for line in values["choices"].splitlines() if line.strip()]
        return Wording.starred(values["kind"], values["text"], lines, values["explanation"])


class FileForm(forms.Form):
    """A picture, sound or film to add."""

    file = forms.FileField(label="图片、音频或视频")
    caption = forms.CharField(label="说明", max_length=100)
    minutes = forms.IntegerField(
        label="播放几分钟（图片不填）", min_value=0, max_value=120, required=False
    )
    transcript = forms.CharField(
        label="文字稿（音频要有文字稿才能发布）",
        max_length=LONGEST,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    captions = forms.FileField(label="字幕文件（WebVTT，视频要有字幕才能发布）", required=False)


class WordsForm(forms.Form):
    """What is said in a sound or film that was added before."""

    caption = forms.CharField(label="说明", max_length=100)
    minutes = forms.IntegerField(label="播放几分钟", min_value=0, max_value=120)
    transcript = forms.CharField(
        label="文字稿", max_length=LONGEST, required=False, widget=forms.Textarea({"rows": 8})
    )
    captions = forms.FileField(label="字幕文件（WebVTT，视频用；不传就保留原来的）", required=False)
