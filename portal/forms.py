"""Forms of the portal: they parse; the verbs decide."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from portal import mobile_stays
from portal.access import Capability, Scope
from portal.models import Member, Membership, MobileStay, Organization, Role, Suggestion
from portal.refusals import Refusal


def refuse(form: forms.BaseForm, refusal: Refusal, **called: str) -> None:
    """Show a verb's refusal beside the field that it names, above the form where there is none.

    called: what the form calls a field of the verb, where the two differ.
    """
    field = called.get(refusal.field or "", refusal.field)
    form.add_error(field if field in form.fields else None, refusal.message)


class DayField(forms.DateField):
    """A day, entered with the browser's own picker."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class MemberField(forms.CharField):
    """A member on the register by number; an unknown one is said to be so."""

    def clean(self, value: Any) -> Member:
        number = super().clean(value)
        member = Member.objects.active().filter(number=number).select_related("branch").first()
        if member is None:
            raise ValidationError(f"没有编号为 {number} 的在册党员。")
        return member


class BranchField(forms.CharField):
    """A standing branch by code, full name or short name; unknown ones are said to be so."""

    def clean(self, value: Any) -> Organization | None:
        text = str(super().clean(value) or "").strip()
        if not text:
            return None
        branches = Organization.objects.standing().branches()
        for field in ("code", "name", "short_name"):
            found = list(branches.filter(**{field: text})[:2])
            if len(found) == 1:
                return found[0]
        if branches.named(text).count() == 1:
            return branches.named(text).get()
        raise ValidationError(f"没有找到唯一的党支部“{text}”，请填写全称或编码。")


class SignInForm(forms.Form):
    number = forms.CharField(
        label="党员编号",
        max_length=24,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        label="密码",
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class SlipForm(forms.Form):
    number = forms.CharField(
        label="党员编号",
        max_length=24,
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
    )
    code = forms.CharField(
        label="登录条上的八位登录码",
        max_length=12,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )
    password = forms.CharField(
        label="设置新密码",
        max_length=128,
        help_text="至少 8 位，字母和数字混用，不要用生日。",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class PasswordForm(forms.Form):
    old = forms.CharField(
        label="现在的密码",
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    password = forms.CharField(
        label="新密码",
        max_length=128,
        help_text="至少 8 位，字母和数字混用，不要用生日。",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class MemberForm(forms.ModelForm[Member]):
    """What the register says of somebody; the number only when they are entered."""

    group = forms.CharField(label="党小组", max_length=20, required=False)

    class Meta:
        model = Member
        fields = ["number", "name", "status", "category", "phone", "joined_on"]
        field_classes = {"joined_on": DayField}

    def __init__(self, *args: Any, scope: Scope | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            del self.fields["number"]
            return
        branches = scope.organizations(Capability.MANAGE_PEOPLE) if scope else []
        own = next((b for b in branches if b.is_branch), None)
        self.fields["branch"] = BranchField(label="所在党支部", initial=own.name if own else "")
        self.fields["day"] = DayField(label="入册日期")

    def validate_unique(self) -> None:
        """Left to the verb: a number that is there may be that of somebody who comes back."""

    def clean_phone(self) -> str:
        digits = "".join(self.cleaned_data["phone"].split()).replace("-", "")
        if digits and not digits.removeprefix("+86").isdigit():
            raise ValidationError("手机号码只能是数字。")
        return digits.removeprefix("+86")


class TransferForm(forms.Form):
    branch = BranchField(label="转入党支部", help_text="填写全称、简称或编码。")
    on = DayField(label="转接日期")
    group = forms.CharField(label="党小组", max_length=20, required=False)


class LeaveForm(forms.Form):
    how = forms.ChoiceField(
        label="去向",
        choices=[
            (value, label)
            for value, label in Membership.Ended.choices
            if value in ("left", "died", "mistake")
        ],
    )
    on = DayField(label="日期")


class AppointForm(forms.Form):
    number = MemberField(label="党员编号", max_length=24)
    role = forms.ChoiceField(
        label="职务", choices=[c for c in Role.choices if c[0] not in (Role.MEMBER, Role.HELPER)]
    )
    since = DayField(label="自")
    acting = forms.BooleanField(label="代管（上级同志暂代支部书记）", required=False)


class HandOverForm(forms.Form):
    """Who comes after a secretary, from which day on."""

    SUCCESSOR, ACTING = "successor", "acting"
    way = forms.ChoiceField(
        label="由谁接着办",
        choices=[(SUCCESSOR, "任命接任的支部书记"), (ACTING, "由上级同志代管")],
        widget=forms.RadioSelect,
        initial=SUCCESSOR,
    )
    number = MemberField(label="这位同志的党员编号", max_length=24)
    on = DayField(label="交接日期", help_text="前任到这一天为止，后任自这一天起。")


class AwayForm(forms.Form):
    """A mobile member's stay away; the host as text, linked where it is in the tree."""

    since = DayField(label="外出时间")
    expected_until = DayField(
        label="预计返回",
        required=False,
        help_text=f"{mobile_stays.WHO}；预计不满六个月的，请核对要不要登记。不知道的留空。",
    )
    region = forms.CharField(
        label="流入地", max_length=40, help_text="只写到省、市、县（区），不写门牌。"
    )
    reason = forms.ChoiceField(label="外出原因", choices=MobileStay.Reason.choices)
    host_name = forms.CharField(
        label="流入地党组织",
        max_length=80,
        required=False,
        help_text="本市的填全称、简称或编码，对方书记会看到；外地的照实填写，没有的留空。",
    )
    contact = forms.CharField(
        label="联系人的党员编号",
        max_length=24,
        required=False,
        help_text="支部里谁负责联系，可以留空。",
    )
    last_contact_on = DayField(label="最近联系", required=False)

    def clean_contact(self) -> Member | None:
        number = self.cleaned_data["contact"].strip()
        return MemberField().clean(number) if number else None


class StayEndForm(forms.Form):
    how = forms.ChoiceField(
        label="怎样结束",
        choices=[
            (MobileStay.Ended.RETURNED, "已返回"),
            (MobileStay.Ended.MISTAKE, "登记有误，撤销"),
        ],
        widget=forms.RadioSelect,
        initial=MobileStay.Ended.RETURNED,
    )
    on = DayField(label="日期", help_text="组织关系转出的不用在这里登记，转接后自动结束。")


class SuggestionForm(forms.Form):
    kind = forms.ChoiceField(
        label="种类", choices=Suggestion.Kind.choices, widget=forms.RadioSelect
    )
    text = forms.CharField(
        label="内容",
        required=False,
        help_text=f"最多 {Suggestion.LONGEST} 字。",
        widget=forms.Textarea(attrs={"rows": 5, "maxlength": Suggestion.LONGEST}),
    )


class AskAgainForm(forms.Form):
    text = forms.CharField(
        label="为什么再次提出",
        required=False,
        help_text=f"只能再次提出一次，最多 {Suggestion.LONGEST} 字。",
        widget=forms.Textarea(attrs={"rows": 5, "maxlength": Suggestion.LONGEST}),
    )


class AnswerForm(forms.Form):
    answer = forms.CharField(
        label="答复",
        required=False,
        help_text="提出人会看到答复和您的姓名。答复后即办结，不能修改。",
        widget=forms.Textarea(attrs={"rows": 6, "maxlength": Suggestion.LONGEST_ANSWER}),
    )


class MailForm(forms.Form):
    """One's own address, and whether messages come by e-mail, too; the verb checks the address."""

    email = forms.CharField(
        label="电子邮箱",
        required=False,
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    wanted = forms.BooleanField(
        label="也发到邮箱：每周提醒最多一封；机关干部另有新发布的积分通报", required=False
    )


class UploadForm(forms.Form):
    """A spreadsheet to be read; what it is, is found out by reading it."""

    file = forms.FileField(
        label="表格文件",
        widget=forms.FileInput(attrs={"accept": ".xlsx,.xls,.csv"}),
        help_text="支持 .xlsx、.xls、.csv，先预览、后导入。",
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > 20 * 1024 * 1024:
            raise ValidationError("文件超过 20 MB，请分成几份再传。")
        return file
