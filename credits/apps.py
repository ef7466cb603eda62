"""Application set-up: the ledger's triggers."""

from django.apps import AppConfig


class CreditsConfig(AppConfig):
    name = "credits"
    verbose_name = "学时与积分"

    def ready(self) -> None:
        from credits import occupied_time, partitions
        from portal import triggers

        triggers.insert_only(
            "credits_posting",
            "credits_ledgerentry",
            "credits_rankingpermit",
            "credits_bulletin",
            "credits_bulletinrow",
            "credits_bulletintext",
            "credits_bulletinwithdrawal",
            "credits_certificateevent",
            "credits_targetchange",
            "credits_unitweek",
            "credits_verification",
            "credits_programmearchive",
            "credits_lateentry",
            "credits_branchclosing",
            "credits_unitscheck",
            "credits_unitfigures",
            "credits_unitlook",
            "credits_unitanswer",
            "credits_objectionreply",
            "credits_unittextrequest",
            "credits_unittext",
            "credits_bulletinunittext",
        )
        rule = triggers.Special(occupied_time.names, occupied_time.create, occupied_time.drop)
        triggers.special(occupied_time.TABLE, rule)
        triggers.special(partitions.PROGRAMMES, partitions.kept_while_used())
