"""Addresses of the portal: signing in, people, organisations, background work."""

from django.urls import path

from portal.views import (
    appointments,
    imports,
    jobs,
    members,
    messages,
    mobile,
    organizations,
    people,
    sign_in,
    suggestions,
)

urlpatterns = [
    # signing in
    path("sign-in/", sign_in.enter, name="sign-in"),
    path("first-sign-in/", sign_in.first, name="first-sign-in"),
    path("sign-out/", sign_in.leave, name="sign-out"),
    path("sign-out-everywhere/", sign_in.leave_everywhere, name="sign-out-everywhere"),
    path("account/", sign_in.account, name="account"),
    path("role/", sign_in.switch_role, name="role-switch"),
    path("look/", sign_in.look, name="look"),
    # members/
    path("members/", members.list_, name="member-list"),
    path("members/new/", members.new, name="member-new"),
    path("members/slips/", members.slips, name="member-slips"),
    path("members/<int:member>/", members.detail, name="member-detail"),
    path("members/<int:member>/mend/", members.mend, name="member-mend"),
    path("members/<int:member>/transfer/", members.transfer, name="member-transfer"),
    path("members/<int:member>/leave/", members.leave, name="member-leave"),
    path("members/in/", people.members_in, name="members-in"),
    path("members/in/<int:upload>/", people.members_in_one, name="members-in-one"),
    path("members/imports/", imports.list_, name="member-imports"),
    path("members/imports/<int:receipt>/", imports.detail, name="member-import"),
    path("members/out/", people.members_out, name="members-out"),
    # mobile/
    path("mobile/", mobile.list_, name="stay-list"),
    path("mobile/contacted/", mobile.contacted, name="stay-contacted"),
    path("mobile/in/", people.stays_in, name="stays-in"),
    path("mobile/in/<int:stay_list>/", people.stays_in_one, name="stays-in-one"),
    path("mobile/out/", mobile.out, name="stays-out"),
    path("mobile/new/<int:member>/", mobile.new, name="stay-new"),
    path("mobile/<int:stay>/", mobile.mend, name="stay-mend"),
    path("mobile/<int:stay>/reported/", mobile.reported, name="stay-reported"),
    path("mobile/<int:stay>/end/", mobile.end, name="stay-end"),
    path("mobile/hosted/", mobile.hosted, name="stays-hosted"),
    path("mobile/hosted/<int:hosted>/report-in/", mobile.report_in, name="stay-report-in"),
    # organizations/
    path("organizations/", organizations.list_, name="organization-list"),
    path("organizations/<int:organization>/", organizations.detail, name="organization-detail"),
    path("organizations/in/", people.organizations_in, name="organizations-in"),
    path("organizations/in/<int:tree>/", people.organizations_in_one, name="organizations-in-one"),
    path("organizations/out/", people.organizations_out, name="organizations-out"),
    path("appointments/<int:appointment>/end/", appointments.end, name="appointment-end"),
    path(
        "appointments/<int:appointment>/hand-over/",
        appointments.hand_over,
        name="appointment-hand-over",
    ),
    # messages/
    path("messages/", messages.list_, name="message-list"),
    path("messages/<int:message>/read/", messages.read, name="message-read"),
    path("messages/read/", messages.read_all, name="message-read-all"),
    path("messages/by-mail/", messages.by_mail, name="message-by-mail"),
    # suggestions/
    path("suggestions/", suggestions.mine, name="suggestions"),
    path(
        "suggestions/<int:suggestion>/withdraw/", suggestions.withdraw, name="suggestion-withdraw"
    ),
    path("suggestions/<int:suggestion>/again/", suggestions.again, name="suggestion-again"),
    path("suggestions/received/", suggestions.received, name="suggestions-received"),
    path("suggestions/received/<int:suggestion>/", suggestions.detail, name="suggestion-detail"),
    # jobs/, audit/
    path("jobs/<int:job>/", jobs.detail, name="job-detail"),
    path("jobs/<int:job>/file/", jobs.file, name="job-file"),
    path("jobs/<int:job>/cancel/", jobs.cancel, name="job-cancel"),
    path("jobs/<int:job>/again/", jobs.again, name="job-again"),
    path("audit/", jobs.audit_list, name="audit-list"),
]
