"""How often a web process or the worker looks for garbage that reference counts do not free.

A collection goes through everything that is alive: with Django's classes and templates loaded some
tens of milliseconds, which some request pays for; a long sheet would pay it many times over.
"""

from __future__ import annotations

import gc


def relax() -> None:
    """Leave what is loaded by now out of every later collection, and collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
