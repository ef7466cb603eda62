"""How gunicorn serves the portal, in the demonstration (`make run`) and in production alike.

Two processes of four threads suit two cores, and SQLite's one writer at a time.
"""

import os

bind = f"{os.environ.get('BIND', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_PROCESSES", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
worker_class = "gthread"
timeout = 60
graceful_timeout = 20
keepalive = 5
max_requests = 10_000  # a process is renewed now and then …
max_requests_jitter = 1_000  # … but not all at once
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
control_socket_disable = True
loglevel = os.environ.get("LOG_LEVEL", "warning")
