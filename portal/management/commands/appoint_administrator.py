"""manage.py appoint_administrator NUMBER: the first administrator, who appoints everybody else."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from portal import appointments, sign_in
from portal.audit import Actor
from portal.models import Member, Organization, Role
from portal.refusals import Refusal


class Command(BaseCommand):
    help = "任命系统管理员，并给出登录码；新装的平台用它任命第一位，其余的人由其在网页上任命。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", help="党员编号")

    def handle(self, *args: Any, number: str, **options: Any) -> None:
        at = timezone.now()
        member = Member.objects.filter(number=number, is_active=True).first()
        if member is None:
            raise CommandError(f"名册中没有编号为 {number} 的在册党员，请先导入名册。")
        root = Organization.objects.get(parent=None)
        by = Actor(member, Role.ADMINISTRATOR)  # whoever runs commands acts for them
        try:
            with transaction.atomic():
                since = timezone.localdate(at)
                appointments.appoint(member, Role.ADMINISTRATOR, root, since=since, by=by, at=at)
                [slip] = sign_in.print_slips([member], by=by, at=at)
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(f"{member.name}（{member.number}）现在是{root}的系统管理员。")
        until = timezone.localtime(slip.expires_at)
        self.stdout.write(f"登录码 {slip.code}，{until:%Y-%m-%d} 前在“第一次登录”页使用一次。")
