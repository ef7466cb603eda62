"""What was studied, and who was there."""

from courses.models.answer import Answer, AnswerVersion, Reply, Report
from courses.models.attendance import (
    THERE,
    Attendance,
    AttendanceCredit,
    Leave,
    Scan,
    Status,
)
from courses.models.attendance_plan import LEAVES, AttendancePlan
from courses.models.book_bag import BookBag, BookBagItem, ReadingRight
from courses.models.course import Course, Lesson, Material
from courses.models.discussion import Discussion
from courses.models.host_attendance import HostAttendance
from courses.models.lesson_study import LessonAttempt, LessonCredit
from courses.models.lesson_text import LessonDraft, LessonFile, LessonVersion, Question
from courses.models.line_query import LineQuery
from courses.models.push import Attempt, Delivery, GroupRobot, Push
from courses.models.reading_class import Enrolment, ReadingClass
from courses.models.reflection import Recommendation, Reflection, TextPrint
from courses.models.sample import Sample, SampleItem, SamplePhoto
from courses.models.session import Occasion, SessionChange, StudySession
from courses.models.sheet_import import SheetImport, SheetRecord, StagedMark
from courses.models.study_group import GroupMember, StudyGroup
from courses.models.study_log import StudyLog
from courses.models.walk_in import WalkIn

__all__ = [
    "LEAVES",
    "THERE",
    "Answer",
    "AnswerVersion",
    "Attempt",
    "Attendance",
    "AttendanceCredit",
    "AttendancePlan",
    "BookBag",
    "BookBagItem",
    "Course",
    "Delivery",
    "Discussion",
    "Enrolment",
    "GroupMember",
    "GroupRobot",
    "HostAttendance",
    "Leave",
    "Lesson",
    "LessonAttempt",
    "LessonCredit",
    "LessonDraft",
    "LessonFile",
    "LessonVersion",
    "LineQuery",
    "Material",
    "Occasion",
    "Push",
    "Question",
    "ReadingClass",
    "ReadingRight",
    "Recommendation",
    "Reflection",
    "Reply",
    "Report",
    "Sample",
    "SampleItem",
    "SamplePhoto",
    "Scan",
    "SessionChange",
    "SheetImport",
    "SheetRecord",
    "StagedMark",
    "Status",
    "StudyGroup",
    "StudyLog",
    "StudySession",
    "TextPrint",
    "WalkIn",
]
