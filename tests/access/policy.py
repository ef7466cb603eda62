"""The policy as a table of its own, written down apart from the code that enforces it.

A page that is not listed in PAGES fails the matrix; so does one whose answer differs from what
ROLES, GRANTED and PAGES say together.
"""

from __future__ import annotations

from typing import NamedTuple

EVERYONE = {
    "member", "stranger", "secretary", "organiser", "helper", "guidance", "official",
    "administrator", "city",
}  # fmt: skip

# Who holds what (the city's official is an official of the whole city).
GRANTED: dict[str, set[str]] = {
    "own": EVERYONE,
    "see_rankings": EVERYONE,
    "see_figures": {"secretary", "organiser", "guidance", "official", "administrator", "city"},
    "see_persons": EVERYONE,  # over oneself at least
    "see_members": {"secretary", "organiser", "official", "administrator", "city"},
    "manage_people": {"secretary", "organiser", "official", "city"},
    "manage_organisations": {"official", "administrator", "city"},
    "appoint": {"official", "administrator", "city"},
    "manage_classes": {"secretary", "organiser"},
    "run_groups": {"secretary", "organiser", "official", "city"},  # of their own organisation
    "record_attendance": {"secretary", "organiser"},
    "confirm_study": {"secretary", "organiser"},
    "exempt": {"secretary", "organiser"},
    "approve": {"official", "city"},
    "certify": {"secretary", "official", "city"},
    "publish": {"official", "city"},
    "govern": {"official", "administrator", "city"},
    "audit": {"official", "administrator", "city"},
    "administer": {"administrator"},
}
WHOLE_CITY = {"city"}  # reach what lies outside the county, too
# Whose persons they may see: the person, the branch's secretary and organiser, the helper.
OVER_LIN = {"member", "secretary", "organiser", "helper"}
# Who runs the groups of the branch itself: the officials are those of what stands above it.
OF_BRANCH = {"secretary", "organiser"}


class Page(NamedTuple):
    """capability: what it takes. reach: over what —
    none (no object), object (in scope), branch (of the branch itself), owner (the person's own),
    of_… (that role's own upload),
    root (the city's own things), public (no sign-in), anyone (the object is everybody's),
    person (names with hours), same_unit (of one's own unit),
    drawn (the person drawn, and who judges),
    staff (names with hours of somebody who is not among the visitors),
    claim (one's own, the branch's, those one approves),
    editors (who writes lessons: of their organisation, or the city's), lesson (of their own),
    taking_part (who is due in the session, or sees figures there),
    talk (who is in the group, or arranges things for its organiser),
    run (of these, the group's leader and who arranges).
    post: what it takes to send something to the page, where that is more."""

    capability: str
    reach: str = "none"
    post: str = ""


PAGES: dict[str, Page] = {
    "home": Page("own"),
    "source": Page("own", "anyone"),
    "class-list": Page("manage_classes"),
    "class-new": Page("manage_classes"),
    "class-detail": Page("manage_classes", "object"),
    "class-newcomers": Page("manage_classes", "object"),
    "class-drop": Page("manage_classes", "object"),
    "class-roll": Page("record_attendance", "object"),
    "class-sheet": Page("record_attendance", "object"),
    "class-end": Page("manage_classes", "object"),
    "session-new": Page("manage_classes"),
    "session-detail": Page("own", "taking_part"),
    "session-change": Page("manage_classes", "object"),
    "session-call-off": Page("manage_classes", "object"),
    "session-link": Page("manage_classes", "object"),
    "session-open": Page("record_attendance", "object"),
    "session-save": Page("record_attendance", "object"),
    "session-add": Page("record_attendance", "object"),
    "session-take-in": Page("record_attendance", "object"),
    "session-correct": Page("record_attendance", "object"),
    "session-one": Page("record_attendance", "object"),
    "session-move": Page("record_attendance", "object"),
    "session-reopen": Page("record_attendance", "object"),
    "session-credit-now": Page("record_attendance", "object"),
    "session-settle": Page("record_attendance", "object"),
    "session-paper": Page("record_attendance", "object"),
    "session-answer": Page("own", "taking_part"),
    "plan-decide": Page("record_attendance", "object"),
    "check-in-screen": Page("record_attendance", "object"),
    "check-in": Page("own"),
    "check-in-confirm": Page("", "public"),
    "check-in-ask": Page("own"),
    "walk-in": Page("own", "owner"),
    "walk-in-decide": Page("record_attendance", "object"),
    "scan": Page("", "public"),
    "log-list": Page("confirm_study"),
    "log-decide": Page("confirm_study"),
    "log-new": Page("own"),
    "my-logs": Page("own"),
    "log-for": Page("confirm_study", "object"),
    "log-withdraw": Page("own", "owner"),
    "log-again": Page("own", "owner"),
    "log-again-for": Page("confirm_study", "object"),
    "log-reverse": Page("confirm_study", "object"),
    "host-sessions": Page("record_attendance"),
    "host-attest": Page("record_attendance", "object"),
    "host-withdraw": Page("record_attendance", "object"),
    "host-list": Page("confirm_study"),
    "host-decided": Page("confirm_study"),
    "host-decide": Page("confirm_study"),
    "host-reverse": Page("confirm_study", "object"),
    "sample-list": Page("approve"),
    "sample-new": Page("approve"),
    "my-samples": Page("own"),
    "branch-samples": Page("confirm_study"),
    "sample-detail": Page("approve", "object"),
    "sample-redraw": Page("approve", "object"),
    "sample-close": Page("approve", "object"),
    "sample-item": Page("approve", "object"),
    "sample-answer": Page("own", "owner"),
    "sample-photo": Page("own", "drawn"),
    "course-list": Page("own"),
    "course-detail": Page("own", "anyone"),
    "lesson-list": Page("own"),
    "lesson-detail": Page("own", "anyone"),
    "lesson-answers": Page("own", "anyone"),
    "lesson-credit": Page("own", "owner"),
    "lesson-credits": Page("confirm_study"),
    "lesson-reverse": Page("confirm_study", "object"),
    "lesson-file": Page("own", "lesson"),
    "lesson-captions": Page("own", "lesson"),
    "lesson-transcript": Page("own", "lesson"),
    "lesson-desk": Page("own", "editors"),
    "lesson-new": Page("own", "editors"),
    "lesson-preview": Page("own", "editors"),
    "lesson-edit": Page("own", "lesson"),
    "lesson-act": Page("own", "lesson"),
    "lesson-versions": Page("own", "lesson"),
    "lesson-questions": Page("own", "lesson"),
    "lesson-bank": Page("own", "lesson"),
    "lesson-upload": Page("own", "lesson"),
    "file-mend": Page("own", "lesson"),
    "material-detail": Page("own", "anyone"),
    "bag-list": Page("own"),
    "bag-detail": Page("own", "anyone"),
    "bag-epub": Page("own", "anyone"),
    "bag-offline": Page("own", "anyone"),
    "bag-reading": Page("own", "anyone"),
    "no-network": Page("own"),
    "service-worker": Page("", "public"),
    "manifest": Page("", "public"),
    "bag-desk": Page("govern"),
    "bag-edit": Page("govern", "object"),
    "bag-put": Page("govern", "object"),
    "bag-act": Page("govern", "object"),
    "reading-rights": Page("govern"),
    "right-revoke": Page("govern", "object"),
    "my-reflections": Page("own"),
    "reflection-new": Page("own"),
    "reflection-write": Page("own", "owner"),
    "reflection-act": Page("own", "owner"),
    "exemplar-list": Page("own"),
    "exemplar-detail": Page("own", "same_unit"),
    "reflection-list": Page("confirm_study"),
    "reflection-read": Page("confirm_study", "object"),
    "recommended-list": Page("approve"),
    "recommended-detail": Page("approve", "object"),
    "discussion-list": Page("own"),
    "discussion-new": Page("own", "run"),
    "discussion-detail": Page("own", "talk"),
    "discussion-run": Page("own", "run"),
    "discussion-recognise": Page("own", "run"),
    "discussion-reports": Page("own", "run"),
    "group-list": Page("see_members"),
    "group-new": Page("run_groups"),
    "group-detail": Page("see_members", "object"),
    "group-mend": Page("run_groups", "branch"),
    "group-add": Page("run_groups", "branch"),
    "group-take-out": Page("run_groups", "branch"),
    "group-end": Page("run_groups", "branch"),
    "robot-new": Page("run_groups", "branch"),
    "robot-remove": Page("run_groups", "branch"),
    "my-groups": Page("own"),
    "group-join": Page("own", "anyone"),
    "group-leave": Page("own", "anyone"),
    "group-hand-over": Page("own", "anyone"),
    "push-new": Page("run_groups"),
    "group-push": Page("own", "run"),
    "push-detail": Page("see_members", "object"),
    "delivery-again": Page("run_groups", "branch"),
    "push-follow": Page("own", "anyone"),
    "sheets": Page("see_figures"),
    "sheet-upload": Page("record_attendance"),
    "sheet-session": Page("record_attendance", "object"),
    "sheet-scans": Page("record_attendance", "object"),
    "sheet-matrix": Page("record_attendance", "object"),
    "sheet-summary": Page("see_figures", "object"),
    "sheet-import": Page("record_attendance", "object"),
    "sheet-import-undo": Page("record_attendance", "object"),
    "my-hours": Page("own"),
    "warning-list": Page("see_persons", "person_list"),
    "my-warnings": Page("own"),
    "session-visit": Page("own", "same_unit"),
    "message-list": Page("own"),
    "message-read": Page("own", "owner"),
    "message-read-all": Page("own"),
    "message-by-mail": Page("own"),
    "line-ask": Page("own"),
    "line-missing": Page("own"),
    "query-list": Page("confirm_study"),
    "query-withdraw": Page("own", "owner"),
    "query-decline": Page("confirm_study", "object"),
    "query-credited": Page("confirm_study", "object"),
    "branch-hours": Page("see_persons", "person_list"),
    "member-hours": Page("see_persons", "person"),
    "figures": Page("see_figures", "object"),
    "ranking": Page("see_rankings"),
    "ranking-trend": Page("see_rankings"),
    "ranking-export": Page("see_rankings"),
    "member-ranking": Page("see_rankings"),
    "bulletin-list": Page("see_rankings"),
    "bulletin-detail": Page("see_rankings", "anyone"),
    "bulletin-withdraw": Page("publish", "root"),
    "bulletin-paper": Page("see_figures", "anyone"),
    "draft-paper": Page("publish", "root"),
    "paper-check": Page("", "public"),
    "draft-new": Page("publish", "root"),
    "draft-edit": Page("publish", "root"),
    "draft-preview": Page("publish", "root"),
    "draft-look": Page("publish", "root"),
    "draft-matter": Page("publish", "root"),
    "draft-compute": Page("publish", "root"),
    "draft-publish": Page("publish", "root"),
    "draft-redraft": Page("publish", "root"),
    "feed-choose": Page("publish"),
    "bulletin-feed": Page("", "public"),
    "draft-check": Page("publish", "root"),
    "objection-reply": Page("publish", "root"),
    "unit-check-list": Page("certify"),
    "unit-check": Page("certify", "of_official"),
    "unit-text": Page("certify", "of_official"),
    "draft-ask": Page("publish", "root"),
    "exemption-list": Page("approve"),
    "exemption-ask": Page("exempt", "object"),
    "exemption-many": Page("exempt"),
    "exemption-decide": Page("approve", "object"),
    "exemption-decide-many": Page("approve"),
    "window-list": Page("approve"),
    "window-new": Page("approve"),
    "window-detail": Page("approve", "object"),
    "window-end": Page("approve", "object"),
    "certificate-issue": Page("certify", "object"),
    "certificate-revoke": Page("certify", "object"),
    "certificate-paper": Page("see_persons", "staff"),
    "certificates-paper": Page("record_attendance", "object"),
    "claim-list": Page("exempt"),
    "claim-new": Page("exempt"),
    "claim-batch": Page("exempt", "object"),
    "claim-undo": Page("exempt", "object"),
    "claim-detail": Page("own", "claim"),
    "claim-mend": Page("exempt", "object"),
    "claim-withdraw": Page("exempt", "object"),
    "claim-reverse": Page("approve", "object"),
    "claim-sheet-out": Page("exempt", "object"),
    "claims-in": Page("exempt"),
    "claims-in-one": Page("exempt", "of_secretary"),
    "claims-waiting": Page("approve"),
    "claims-decide": Page("approve"),
    "programme": Page("govern", "root"),
    "programme-permit": Page("govern", "root"),
    "programme-act": Page("govern", "root"),
    "programme-reopen": Page("administer", "root"),
    "programme-rules": Page("govern", "root"),
    "programme-archive": Page("govern", "root"),
    "programme-next": Page("govern", "root"),
    "programme-ending": Page("govern", "root"),
    "programme-classes": Page("govern", "root"),
    "loose-ends": Page("see_figures", "object"),
    "closing-list": Page("see_figures"),
    "closing-detail": Page("see_figures", "object"),
    "closing-out": Page("record_attendance", "object"),
    "sign-in": Page("", "public"),
    "first-sign-in": Page("", "public"),
    "look": Page("", "public"),
    "sign-out": Page("own"),
    "sign-out-everywhere": Page("own"),
    "account": Page("own"),
    "role-switch": Page("own"),
    "member-list": Page("see_members"),
    "member-new": Page("manage_people"),
    "member-slips": Page("manage_people"),
    "member-detail": Page("see_members", "object"),
    "member-mend": Page("manage_people", "object"),
    "member-transfer": Page("manage_people", "object"),
    "member-leave": Page("manage_people", "object"),
    "members-in": Page("manage_people"),
    "members-in-one": Page("manage_people", "of_secretary"),
    "members-out": Page("manage_people"),
    "member-imports": Page("manage_people"),
    "member-import": Page("manage_people", "object"),
    "member-import-undo": Page("manage_people", "object"),
    "organizations-in": Page("manage_organisations"),
    "organizations-in-one": Page("manage_organisations", "of_official"),
    "organizations-out": Page("manage_organisations"),
    "organization-list": Page("see_figures"),
    "organization-detail": Page("see_figures", "object", post="appoint"),
    "appointment-end": Page("appoint", "object"),
    "appointment-hand-over": Page("appoint", "object"),
    "unit-rename": Page("manage_organisations", "object"),
    "unit-move": Page("manage_organisations", "object"),
    "unit-merge": Page("manage_organisations", "object"),
    "unit-divide": Page("manage_organisations", "object"),
    "unit-dissolve": Page("manage_organisations", "object"),
    "handover": Page("manage_classes"),
    "stay-list": Page("see_members"),
    "stay-contacted": Page("manage_people"),
    "stays-out": Page("manage_people"),
    "stays-in": Page("manage_people"),
    "stays-in-one": Page("manage_people", "of_secretary"),
    "stay-new": Page("manage_people", "object"),
    "stay-mend": Page("manage_people", "object"),
    "stay-reported": Page("manage_people", "object"),
    "stay-end": Page("manage_people", "object"),
    "stays-hosted": Page("manage_people"),
    "stay-report-in": Page("manage_people", "object"),
    "suggestions": Page("own"),
    "suggestion-withdraw": Page("own", "owner"),
    "suggestion-again": Page("own", "owner"),
    "suggestions-received": Page("approve"),
    "suggestion-detail": Page("approve", "object"),
    "job-detail": Page("own", "owner"),
    "job-file": Page("own", "owner"),
    "job-cancel": Page("own", "owner"),
    "job-again": Page("own", "owner"),
    "audit-list": Page("audit"),
}


def may(name: str, role: str, *, inside: bool, method: str = "get") -> bool:
    """Whether the policy lets this role in, for an object inside or outside the county."""
    page = PAGES[name]
    if page.reach == "public":
        return True
    capability = page.post if method == "post" and page.post else page.capability
    if role == "anonymous" or role not in GRANTED[capability]:
        return False
    match page.reach:
        case "none" | "anyone":
            return True
        case "object":
            return inside or role in WHOLE_CITY
        case "branch":
            return inside and role in OF_BRANCH
        case "owner":
            return inside and role == "member"
        case "of_secretary" | "of_official":
            return inside and role == page.reach.removeprefix("of_")
        case "root":
            return role in WHOLE_CITY
        case "claim":
            branch = inside and role in {"member", *GRANTED["exempt"], "official"}
            return branch or role in WHOLE_CITY
        case "person":
            return inside and role in OVER_LIN
        case "staff":
            return inside and role in GRANTED["record_attendance"]
        case "person_list":
            return role in {"secretary", "organiser", "helper"}
        case "same_unit":
            return inside != (role in WHOLE_CITY)  # all but the city's official are of the county
        case "drawn":
            drawn = inside and role == "member"
            return drawn or (role in GRANTED["approve"] and (inside or role in WHOLE_CITY))
        case "editors":
            return role in GRANTED["manage_classes"] | WHOLE_CITY
        case "lesson":
            return inside and role in GRANTED["manage_classes"]
        case "talk":
            return inside and role in {"member", "helper", *OF_BRANCH}
        case "run":
            return inside and role in {"member", *OF_BRANCH}
        case "taking_part":
            due = inside and role == "member"
            return due or (role in GRANTED["see_figures"] and (inside or role in WHOLE_CITY))
    raise AssertionError(page.reach)
