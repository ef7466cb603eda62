"""Addresses of hours, figures, rankings, bulletins and the programme."""

from django.urls import path

from credits.views import (
    archive,
    bulletins,
    catch_up,
    certificates,
    checks,
    claim_sheets,
    claims,
    claims_waiting,
    closings,
    drafts,
    exemptions,
    feeds,
    figures,
    next_programme,
    programme,
    rankings,
    rules,
    statement,
    trends,
    unit_checks,
    unit_texts,
)

urlpatterns = [
    # hours/
    path("hours/branch/", statement.branch_hours, name="branch-hours"),
    # figures/
    path("figures/<int:organization>/", figures.detail, name="figures"),
    # ranking/
    path("ranking/", rankings.ranking, name="ranking"),
    path("ranking/export/", rankings.export, name="ranking-export"),
    path("ranking/members/", rankings.of_members, name="member-ranking"),
    path("ranking/trend/", trends.trend, name="ranking-trend"),
    # bulletins/
    path("bulletins/", bulletins.list_, name="bulletin-list"),
    path("bulletins/new/", drafts.new, name="draft-new"),
    path("bulletins/drafts/<int:draft>/", drafts.edit, name="draft-edit"),
    path("bulletins/drafts/<int:draft>/preview/", drafts.preview, name="draft-preview"),
    path("bulletins/drafts/<int:draft>/compute/", drafts.compute, name="draft-compute"),
    path("bulletins/drafts/<int:draft>/publish/", drafts.publish, name="draft-publish"),
    path("bulletins/drafts/<int:draft>/redraft/", drafts.redraft, name="draft-redraft"),
    path("bulletins/<int:bulletin>/", bulletins.detail, name="bulletin-detail"),
    path("bulletins/drafts/<int:draft>/paper/", drafts.paper, name="draft-paper"),
    path("bulletins/<int:bulletin>/paper/", bulletins.paper, name="bulletin-paper"),
    path("bulletins/<int:bulletin>/withdraw/", bulletins.withdraw, name="bulletin-withdraw"),
    path("bulletins/feed/", feeds.choose, name="feed-choose"),
    path("feeds/bulletins/<str:secret>/", feeds.feed, name="bulletin-feed"),
    # bulletins/checks/
    path("bulletins/drafts/<int:draft>/check/", unit_checks.of_draft, name="draft-check"),
    path("bulletins/checks/", unit_checks.list_, name="unit-check-list"),
    path("bulletins/checks/<int:unit_figures>/", unit_checks.detail, name="unit-check"),
    path("bulletins/drafts/<int:draft>/ask/", drafts.ask, name="draft-ask"),
    path("bulletins/texts/<int:unit_text_request>/", unit_texts.detail, name="unit-text"),
    path("bulletins/objections/<int:objection>/", unit_checks.reply, name="objection-reply"),
    # exemptions/, certificates/
    path("check/", checks.check, name="paper-check"),
    path("exemptions/", exemptions.list_, name="exemption-list"),
    path("exemptions/new/", exemptions.ask_many, name="exemption-many"),
    path("exemptions/decide/", exemptions.decide_many, name="exemption-decide-many"),
    path("exemptions/members/<int:member>/", exemptions.ask, name="exemption-ask"),
    path("exemptions/<int:exemption>/decide/", exemptions.decide, name="exemption-decide"),
    path("standings/<int:standing>/certify/", exemptions.issue, name="certificate-issue"),
    path("certificates/<int:certificate>/revoke/", exemptions.revoke, name="certificate-revoke"),
    path("certificates/<int:certificate>/paper/", certificates.paper, name="certificate-paper"),
    path(
        "certificates/branches/<int:organization>/paper/",
        certificates.of_branch,
        name="certificates-paper",
    ),
    # claims/
    path("claims/", claims.list_, name="claim-list"),
    path("claims/new/", claims.new, name="claim-new"),
    path("claims/<int:batch>/", claims.batch, name="claim-batch"),
    path("claims/lines/<int:claim>/", claims.detail, name="claim-detail"),
    path("claims/lines/<int:claim>/mend/", claims.mend, name="claim-mend"),
    path("claims/lines/<int:claim>/withdraw/", claims.withdraw, name="claim-withdraw"),
    path("claims/sheet/<int:organization>/", claim_sheets.template, name="claim-sheet-out"),
    path("claims/sheet/", claim_sheets.upload, name="claims-in"),
    path("claims/sheet/uploads/<int:claim_sheet>/", claim_sheets.one, name="claims-in-one"),
    path("claims/waiting/", claims_waiting.waiting, name="claims-waiting"),
    path("claims/decide/", claims_waiting.decide, name="claims-decide"),
    # catch-up/
    path("catch-up/", catch_up.list_, name="window-list"),
    path("catch-up/new/", catch_up.new, name="window-new"),
    path("catch-up/<int:window>/", catch_up.detail, name="window-detail"),
    path("catch-up/<int:window>/end/", catch_up.end, name="window-end"),
    # programme/
    path("programme/", programme.detail, name="programme"),
    path("programme/permit/", programme.permit, name="programme-permit"),
    path("programme/act/", programme.act, name="programme-act"),
    path("programme/reopen/", programme.reopen, name="programme-reopen"),
    path("programme/rules/", rules.rules, name="programme-rules"),
    path("programme/archive/", archive.archive, name="programme-archive"),
    path("programme/next/", next_programme.new, name="programme-next"),
    # closings/
    path("closings/", closings.list_, name="closing-list"),
    path("closings/<int:closing>/", closings.detail, name="closing-detail"),
    path("closings/<int:closing>/sheet/", closings.sheet, name="closing-out"),
]
