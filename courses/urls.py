"""Addresses of start pages, classes, sessions, check-in, own study, lessons and sheets."""

from django.urls import path

from courses.views import (
    check_in,
    classes,
    ending,
    home,
    lessons,
    line_queries,
    moves,
    plans,
    roll_call,
    sheets,
    statement,
    study_logs,
)

urlpatterns = [
    path("", home.home, name="home"),
    path("source/<slug:kind>/<slug:key>/", home.source, name="source"),
    # classes/
    path("classes/", classes.list_, name="class-list"),
    path("classes/new/", classes.new, name="class-new"),
    path("classes/<int:reading_class>/", classes.detail, name="class-detail"),
    path("classes/<int:reading_class>/newcomers/", classes.newcomers, name="class-newcomers"),
    path("classes/<int:reading_class>/drop/", classes.drop, name="class-drop"),
    path("classes/<int:reading_class>/end/", classes.end, name="class-end"),
    # sessions/
    path("sessions/new/", classes.session_new, name="session-new"),
    path("sessions/<int:session>/", roll_call.detail, name="session-detail"),
    path("sessions/<int:session>/change/", classes.session_change, name="session-change"),
    path("sessions/<int:session>/call-off/", classes.session_call_off, name="session-call-off"),
    path("sessions/<int:session>/open/", roll_call.open_, name="session-open"),
    path("sessions/<int:session>/save/", roll_call.save, name="session-save"),
    path("sessions/<int:session>/add/", roll_call.add, name="session-add"),
    path("sessions/<int:session>/take-in/", roll_call.take_in, name="session-take-in"),
    path("sessions/<int:session>/correct/", roll_call.correct, name="session-correct"),
    path("sessions/<int:session>/one/<int:member>/", roll_call.one, name="session-one"),
    path("sessions/<int:session>/one/<int:member>/move/", moves.move, name="session-move"),
    path("sessions/<int:session>/reopen/", roll_call.reopen, name="session-reopen"),
    path("sessions/<int:session>/credit-now/", roll_call.credit_now, name="session-credit-now"),
    path("sessions/<int:session>/settle/", roll_call.settle, name="session-settle"),
    path("sessions/<int:session>/paper/", roll_call.paper, name="session-paper"),
    path("sessions/<int:session>/answer/", plans.answer, name="session-answer"),
    path("plans/<int:plan>/decide/", roll_call.decide, name="plan-decide"),
    # check-in/
    path("sessions/<int:session>/screen/", check_in.screen, name="check-in-screen"),
    path("check-in/", check_in.digits, name="check-in"),
    path("check-in/confirm/", check_in.confirm, name="check-in-confirm"),
    path("check-in/ask/", check_in.ask_in, name="check-in-ask"),
    path("walk-ins/<int:walk_in>/", check_in.walk_in, name="walk-in"),
    path("walk-ins/<int:walk_in>/decide/", check_in.decide, name="walk-in-decide"),
    path("c/<slug:key>/<slug:token>/", check_in.scan, name="scan"),
    # logs/
    path("logs/", study_logs.list_, name="log-list"),
    path("logs/decide/", study_logs.decide, name="log-decide"),
    path("logs/new/", study_logs.new, name="log-new"),
    path("logs/mine/", study_logs.mine, name="my-logs"),
    path("logs/for/<int:member>/", study_logs.new_for, name="log-for"),
    path("logs/<int:log>/withdraw/", study_logs.withdraw, name="log-withdraw"),
    path("logs/<int:log>/reverse/", study_logs.reverse, name="log-reverse"),
    # hours/
    path("hours/", statement.my_hours, name="my-hours"),
    path("hours/members/<int:member>/", statement.member_hours, name="member-hours"),
    path("hours/ask/", line_queries.ask, name="line-ask"),
    path("hours/missing/", line_queries.missing, name="line-missing"),
    # queries/
    path("queries/", line_queries.list_, name="query-list"),
    path("queries/<int:query>/withdraw/", line_queries.withdraw, name="query-withdraw"),
    path("queries/<int:query>/decline/", line_queries.decline, name="query-decline"),
    path("queries/<int:query>/credited/", line_queries.credited, name="query-credited"),
    # programme/, loose-ends/
    path("programme/ending/", ending.ending, name="programme-ending"),
    path("programme/classes/", ending.take_over, name="programme-classes"),
    path("loose-ends/<int:organization>/", ending.loose, name="loose-ends"),
    # courses/
    path("courses/", lessons.list_, name="course-list"),
    path("courses/<int:course>/", lessons.course, name="course-detail"),
    path("lessons/<int:lesson>/", lessons.lesson, name="lesson-detail"),
    path("materials/<int:material>/", lessons.material, name="material-detail"),
    # sheets/
    path("sheets/", sheets.sheets, name="sheets"),
    path("sheets/upload/", sheets.upload, name="sheet-upload"),
    path("sheets/session/<int:session>/", sheets.session, name="sheet-session"),
    path("sheets/scans/<int:session>/", sheets.scans, name="sheet-scans"),
    path("sheets/matrix/<int:organization>/", sheets.matrix, name="sheet-matrix"),
    path("sheets/summary/<int:organization>/", sheets.summary, name="sheet-summary"),
    path("sheets/imports/<int:sheet_import>/", sheets.sheet_import, name="sheet-import"),
    path("sheets/imports/<int:sheet_import>/undo/", sheets.undo, name="sheet-import-undo"),
]
