"""Application set-up: the insert-only tables of attendance, lessons and discussions."""

from django.apps import AppConfig


class CoursesConfig(AppConfig):
    name = "courses"
    verbose_name = "读书班与考勤"

    def ready(self) -> None:
        from portal import triggers

        triggers.insert_only(
            "courses_scan",
            "courses_sessionchange",
            "courses_lessonversion",
            "courses_question",
            "courses_lessonattempt",
            "courses_answerversion",
        )
