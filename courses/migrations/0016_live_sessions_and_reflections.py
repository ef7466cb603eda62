import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0015_discussions"),
        ("credits", "0009_unit_texts"),
        ("portal", "0008_moves_and_second_questions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Recommendation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", models.CharField(max_length=200, verbose_name="推荐理由")),
                ("at", models.DateTimeField(verbose_name="推荐时间")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "已推荐"),
                            ("accepted", "典型"),
                            ("declined", "未采用"),
                            ("withdrawn", "已撤下"),
                        ],
                        default="waiting",
                        max_length=10,
                        verbose_name="状态",
                    ),
                ),
                (
                    "decided_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="处理时间"),
                ),
                ("reply", models.CharField(blank=True, max_length=200, verbose_name="答复")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="撤下时间")),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="作者",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="推荐人",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="处理人",
                    ),
                ),
                (
                    "ended_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="撤下人",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="portal.organization",
                        verbose_name="推荐给",
                    ),
                ),
            ],
            options={
                "verbose_name": "典型推荐",
                "verbose_name_plural": "典型推荐",
                "ordering": ["-at", "-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reason", ""), _negated=True),
                            models.Q(
                                models.Q(("state", "declined"), _negated=True),
                                models.Q(("reply", ""), _negated=True),
                                _connector="OR",
                            ),
                        ),
                        name="recommendation_with_reasons",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("by", models.F("author")), _negated=True),
                            models.Q(
                                ("decided_by", None),
                                models.Q(("decided_by", models.F("author")), _negated=True),
                                _connector="OR",
                            ),
                        ),
                        name="recommendation_not_by_author",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("decided_by", None),
                            models.Q(("decided_by", models.F("by")), _negated=True),
                            _connector="OR",
                        ),
                        name="recommendation_by_two_people",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                                ("state__in", ["accepted", "declined"]),
                            ),
                            models.Q(
                                ("decided_at", None), ("decided_by", None), ("state", "waiting")
                            ),
                            ("state", "withdrawn"),
                            _connector="OR",
                        ),
                        name="recommendation_decided_by_whom",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ended_at__isnull", False),
                                ("ended_by__isnull", False),
                                ("state", "withdrawn"),
                            ),
                            models.Q(
                                models.Q(("state", "withdrawn"), _negated=True),
                                ("ended_at", None),
                                ("ended_by", None),
                            ),
                            _connector="OR",
                        ),
                        name="recommendation_ended_by_whom",
                    ),
                ],
                "indexes": [
                    models.Index(fields=["state", "organization"], name="recommendation_state")
                ],
            },
        ),
        migrations.CreateModel(
            name="Reflection",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        editable=False, max_length=24, unique=True, verbose_name="标识"
                    ),
                ),
                ("title", models.CharField(blank=True, max_length=60, verbose_name="题目")),
                ("text", models.TextField(blank=True, max_length=10000, verbose_name="正文")),
                ("consent", models.BooleanField(default=False, verbose_name="同意作为典型展示")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "草稿"),
                            ("handed_in", "已提交"),
                            ("returned", "已退回"),
                            ("read", "已阅"),
                        ],
                        default="draft",
                        max_length=10,
                        verbose_name="状态",
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, verbose_name="版本")),
                ("saved_at", models.DateTimeField(verbose_name="保存时间")),
                (
                    "handed_in_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="提交时间"),
                ),
                ("read_at", models.DateTimeField(blank=True, null=True, verbose_name="阅读时间")),
                ("remark", models.CharField(blank=True, max_length=200, verbose_name="批注")),
                (
                    "branch",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="portal.organization",
                        verbose_name="党支部",
                    ),
                ),
                (
                    "course",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="courses.course",
                        verbose_name="课程",
                    ),
                ),
                (
                    "lesson",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="courses.lesson",
                        verbose_name="微党课",
                    ),
                ),
                (
                    "lifted_lesson",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="courses.lesson",
                        verbose_name="雷同微党课",
                    ),
                ),
                (
                    "lifted_material",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="courses.material",
                        verbose_name="雷同材料",
                    ),
                ),
                (
                    "material",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="courses.material",
                        verbose_name="学习材料",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reflections",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="作者",
                    ),
                ),
                (
                    "read_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="阅读人",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="courses.studysession",
                        verbose_name="学习活动",
                    ),
                ),
            ],
            options={
                "verbose_name": "心得体会",
                "verbose_name_plural": "心得体会",
                "ordering": ["-saved_at", "-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["handed_in", "read"]), _negated=True),
                            models.Q(
                                models.Q(("title", ""), _negated=True),
                                models.Q(("text", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="reflection_handed_in_is_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "returned"), _negated=True),
                            models.Q(("remark", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="reflection_returned_with_remark",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("course", None),
                                ("lesson", None),
                                ("material", None),
                                ("session", None),
                            ),
                            models.Q(("course", None), ("material", None), ("session", None)),
                            models.Q(("course", None), ("lesson", None), ("session", None)),
                            models.Q(("lesson", None), ("material", None), ("session", None)),
                            models.Q(("course", None), ("lesson", None), ("material", None)),
                            _connector="OR",
                        ),
                        name="reflection_about_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("branch", None), ("handed_in_at", None), ("state", "draft")),
                            models.Q(
                                models.Q(("state", "draft"), _negated=True),
                                ("branch__isnull", False),
                                ("handed_in_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="reflection_draft_is_private",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("read_by", None),
                            models.Q(("read_by", models.F("member")), _negated=True),
                            _connector="OR",
                        ),
                        name="reflection_not_read_by_author",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("read_at", None),
                                ("read_by", None),
                                ("state__in", ["draft", "handed_in"]),
                            ),
                            models.Q(
                                ("read_at__isnull", False),
                                ("read_by__isnull", False),
                                ("state__in", ["returned", "read"]),
                            ),
                            _connector="OR",
                        ),
                        name="reflection_read_by_whom",
                    ),
                ],
                "indexes": [models.Index(fields=["branch", "state"], name="reflection_branch")],
            },
        ),
        migrations.CreateModel(
            name="TextPrint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("value", models.BigIntegerField(verbose_name="指纹")),
                (
                    "reflection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="prints",
                        to="courses.reflection",
                        verbose_name="心得体会",
                    ),
                ),
            ],
            options={
                "verbose_name": "心得指纹",
                "verbose_name_plural": "心得指纹",
                "constraints": [
                    models.UniqueConstraint(fields=("value", "reflection"), name="text_print_once")
                ],
            },
        ),
        migrations.AddField(
            model_name="studysession",
            name="compared",
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name="会议中人数"),
        ),
        migrations.AddField(
            model_name="studysession",
            name="link",
            field=models.CharField(blank=True, default="", max_length=300, verbose_name="会议链接"),
        ),
        migrations.AddConstraint(
            model_name="studysession",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("link", ""),
                    django.db.models.lookups.Exact(
                        django.db.models.functions.text.Left("link", 8), models.Value("https://")
                    ),
                    _connector="OR",
                ),
                name="session_link_is_https",
            ),
        ),
        migrations.AddConstraint(
            model_name="studysession",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("link", ""), models.Q(("method", "paper"), _negated=True), _connector="OR"
                ),
                name="session_link_without_paper",
            ),
        ),
        migrations.AddConstraint(
            model_name="studysession",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("link", ""),
                    models.Q(("state__in", ["closed", "corrected"]), _negated=True),
                    ("compared__isnull", False),
                    _connector="OR",
                ),
                name="session_live_closed_compared",
            ),
        ),
        migrations.AddField(
            model_name="recommendation",
            name="reflection",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="recommendations",
                to="courses.reflection",
                verbose_name="心得体会",
            ),
        ),
        migrations.AddConstraint(
            model_name="recommendation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["waiting", "accepted"])),
                fields=("reflection",),
                name="recommendation_once",
            ),
        ),
    ]
