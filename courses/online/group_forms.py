"""Forms of study groups, their robots and pushes: they parse; the verbs decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from courses.models import GroupRobot, StudyGroup
from courses.online.push_kinds import KINDS, Thing
from courses.online.robot_services import KEYWORD
from portal.forms import MemberField


class GroupForm(forms.Form):
    """What a group is called, who answers for it, what is studied."""

    name = forms.CharField(label="名称", max_length=40)
    leader = MemberField(
        label="联系人的党员编号", max_length=24,
        help_text="群里有事找的人：本组织的在册党员，或流入的党员。",
    )  # fmt: skip
    plan = forms.CharField(
        label="每周计划（可不填）", max_length=2000, required=False,
        widget=forms.Textarea({"rows": 4}),
        help_text="一行一周，例如：第一周：读《学习提纲》，周五晚讨论。",
    )  # fmt: skip

    def describe(self, group: StudyGroup) -> None:
        self.initial = {"name": group.name, "leader": group.leader.number, "plan": group.plan}


class NewGroupForm(GroupForm):
    """A new group."""

    organization = forms.TypedChoiceField(label="建群党组织", coerce=int)
    field_order = ["name", "organization", "leader", "plan"]

    def __init__(self, *args: Any, organizations: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["organization"].choices = organizations  # type: ignore[attr-defined] # a ChoiceField


class RobotForm(forms.Form):
    """A robot's address, which is never shown again."""

    service = forms.ChoiceField(label="平台", choices=GroupRobot.Service.choices)
    address = forms.CharField(
        label="机器人地址（Webhook）", max_length=300,
        widget=forms.PasswordInput({"autocomplete": "off", "spellcheck": "false"}),
        help_text="在群设置里添加“自定义机器人”后复制。地址等于群的钥匙，加密保存，以后只显示末四位。",
    )  # fmt: skip
    secret = forms.CharField(
        label="加签密钥（没有就不填）", max_length=120, required=False,
        widget=forms.PasswordInput({"autocomplete": "off", "spellcheck": "false"}),
        help_text="钉钉、飞书的安全设置选“加签”时才有；"
        f"选“关键词”的，关键词填“{KEYWORD}”，这里不填。",
    )  # fmt: skip


class PushForm(forms.Form):
    """What is pushed, to whom, and with what words. code: of the short link, made with the page."""

    thing = forms.ChoiceField(label="推送什么")
    sentence = forms.CharField(
        label="附言（可不填）", max_length=200, required=False,
        widget=forms.Textarea({"rows": 2}),
    )  # fmt: skip
    groups = forms.TypedMultipleChoiceField(label="推送到", coerce=int)
    code = forms.CharField(max_length=12, widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, things: Sequence[Thing], groups: Sequence[StudyGroup], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        offered: list[Any] = [("", "请选择")]
        for code, kind in KINDS.items():
            own = [(thing.name, thing.title) for thing in things if thing.kind == code]
            offered += [(kind.label, own)] if own else []
        self.fields["thing"].choices = offered  # type: ignore[attr-defined] # a ChoiceField
        self.fields["groups"].choices = [(g.pk, g.name) for g in groups]  # type: ignore[attr-defined] # as above
