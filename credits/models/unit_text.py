"""What units to learn from (学) write of themselves: asked for with a draft, frozen when published.

All of it insert-only; of several texts of a unit the newest counts.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual

from credits.models.bulletin import Bulletin, BulletinDraft
from credits.querysets import UnitTextRequestQuerySet
from portal.models import Member, Organization

LONGEST = 300  # characters


class UnitTextRequest(models.Model):
    """That a unit named in a draft was asked to write. seat: where those are appointed who may:
    the unit itself, or one of the branches of a small unit that has no official of its own."""

    draft = models.ForeignKey(
        BulletinDraft, models.PROTECT, related_name="text_requests", verbose_name="通报草稿"
    )
    unit = models.ForeignKey(Organization, models.PROTECT, related_name="+", verbose_name="单位")
    seat = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", verbose_name="撰写的党组织"
    )
    asked_at = models.DateTimeField("请写时间")

    objects = UnitTextRequestQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "请单位写做法"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["draft", "seat"], name="unit_text_request_once")
        ]

    def __str__(self) -> str:
        return f"{self.draft.title}：{self.unit.short_name}"


class UnitText(models.Model):
    """What somebody of the unit wrote; an empty one takes back what was written."""

    request = models.ForeignKey(
        UnitTextRequest, models.PROTECT, related_name="texts", verbose_name="请单位写做法"
    )
    text = models.TextField("文字", blank=True)
    by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="撰写人")
    at = models.DateTimeField("撰写时间")

    class Meta:
        verbose_name = verbose_name_plural = "单位写的做法"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="unit_text_short", condition=LessThanOrEqual(Length("text"), LONGEST)
            )
        ]

    def __str__(self) -> str:
        return f"{self.request}：{self.text[:20]}"


class BulletinUnitText(models.Model):
    """A unit's text as it was published, under the digest of its number."""

    bulletin = models.ForeignKey(
        Bulletin, models.PROTECT, related_name="unit_texts", verbose_name="积分通报"
    )
    unit = models.ForeignKey(Organization, models.PROTECT, related_name="+", verbose_name="单位")
    unit_code = models.CharField("编码", max_length=20)
    text = models.TextField("文字")
    by = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name="撰写人")
    at = models.DateTimeField("撰写时间")

    class Meta:
        verbose_name = verbose_name_plural = "通报中单位的文字"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["bulletin", "unit"], name="bulletin_unit_text_once"),
            models.CheckConstraint(
                name="bulletin_unit_text_short",
                condition=~Q(text="") & Q(LessThanOrEqual(Length("text"), LONGEST)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bulletin}：{self.unit_code}"
