"""WSGI entry point: what gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
application = get_wsgi_application()

from portal import collector, sign_in  # noqa: E402 - needs the applications set up

sign_in.refuse_demo_passwords()
collector.relax()
