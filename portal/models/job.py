"""Background work as its user sees it."""

from django.db import models
from django.db.models import Q

from portal.models.member import Member
from portal.querysets import JobQuerySet


class Job(models.Model):
    """One piece of background work: what it is, how far it is, how it ended.

    work: dotted name of the function that does it; arguments: its JSON arguments.
    heartbeat: last sign of life; the reaper reports a job without one as failed, or has it taken
    up again while `resumes` is above 0. attempt: how often a worker has begun it; only the last one
    may write here. pace_at, pace_done: since when it counts steps of one kind, and from which on.
    too_late: asking it to stop would change nothing any more: it writes at once, or has written.
    file: what it made for its user, see `portal.jobs`.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "排队中"
        RUNNING = "running", "进行中"
        DONE = "done", "已完成"
        FAILED = "failed", "未完成"
        CANCELLED = "cancelled", "已取消"

    work = models.CharField("办理程序", max_length=80)
    arguments = models.JSONField("参数", default=dict)
    title = models.CharField("事项", max_length=120)
    by = models.ForeignKey(Member, models.PROTECT, related_name="jobs", verbose_name="何人")
    role = models.CharField("身份", max_length=14)
    state = models.CharField("状态", max_length=10, choices=State, default=State.WAITING)
    done = models.PositiveIntegerField("已办", default=0)
    total = models.PositiveIntegerField("共", default=0)
    message = models.CharField("说明", max_length=300, blank=True)
    result = models.JSONField("结果", default=dict, blank=True)
    back_url = models.CharField("返回地址", max_length=200, blank=True)
    resumes = models.PositiveSmallIntegerField("可续办次数", default=0)
    attempt = models.PositiveSmallIntegerField("第几次办理", default=0)
    pace_at = models.DateTimeField("计步起点", null=True, blank=True)
    pace_done = models.PositiveIntegerField("计步起数", default=0)
    file = models.CharField("结果文件", max_length=120, blank=True)
    cancel_asked = models.BooleanField("已要求取消", default=False)
    too_late = models.BooleanField("已不能取消", default=False)
    created_at = models.DateTimeField("提交时间")
    started_at = models.DateTimeField("开始时间", null=True, blank=True)
    heartbeat = models.DateTimeField("最近响应", null=True, blank=True)
    finished_at = models.DateTimeField("结束时间", null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "后台事项"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="job_finished_when_over",
                condition=Q(state__in=["waiting", "running"], finished_at=None)
                | Q(state__in=["done", "failed", "cancelled"], finished_at__isnull=False),
            )
        ]
        indexes = [models.Index(fields=["state", "heartbeat"], name="job_state_heartbeat")]

    def __str__(self) -> str:
        return self.title

    @property
    def owner_id(self) -> int:
        return self.by_id

    @property
    def is_over(self) -> bool:
        return self.state in {self.State.DONE, self.State.FAILED, self.State.CANCELLED}

    @property
    def share(self) -> float:
        """How much is done, 0 to 1."""
        if self.state == self.State.DONE:
            return 1.0
        return min(1.0, self.done / self.total) if self.total else 0.0


class PeriodicRun(models.Model):
    """When a piece of periodic work last ran; the row is its lock between workers."""

    name = models.CharField("名称", max_length=80, unique=True)
    ran_at = models.DateTimeField("上次办理时间")

    class Meta:
        verbose_name = verbose_name_plural = "定时事项"

    def __str__(self) -> str:
        return self.name
