"""python -m tests.faults.lay_out: the tables, the small city and its programme."""

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from tests import cast  # noqa: E402

call_command("migrate", verbosity=0)
cast.open_programme(cast.lay_out_city(), back_dating=400)
