"""The programme of 2021 laid out as it was, through the real verbs, in order of their moments; or
a whole city in bulk.

`seeds/` holds the facts and the invented names; here is only how they are played.
"""

from courses.seeding.city import Size, seed_city
from courses.seeding.fushun import demo_sign_ins, seed

__all__ = ["Size", "demo_sign_ins", "seed", "seed_city"]
