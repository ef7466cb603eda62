"""The programme of 2021 laid out as it was, through the real verbs, in order of their moments.

`seeds/` holds the facts and the invented names; here is only how they are played.
"""

from courses.seeding.fushun import demo_sign_ins, seed

__all__ = ["demo_sign_ins", "seed"]
