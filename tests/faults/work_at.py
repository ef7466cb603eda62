"""python -m tests.faults.work_at MOMENT: the worker's periodic sending, once, as at that moment."""

import sys
from datetime import datetime

import time_machine

with time_machine.travel(datetime.fromisoformat(sys.argv[1]), tick=True):
    import django

    django.setup()

    from django.core.management import call_command

    call_command("work", "--once")
