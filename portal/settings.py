"""Settings of the portal: one file, its deployment values read strictly from the environment.

Three ways of running: demonstration (`DEMO=on`, what `make run` does), production (the default:
refuses to start without a secret of its own), and development (`DEBUG=on` beside either).
"""

import os
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from portal import environment

BASE_DIR = Path(__file__).resolve().parent.parent

# --- How it runs ---------------------------------------------------------------------------

DEMO = environment.on_or_off("DEMO", default=False)
DEBUG = environment.on_or_off("DEBUG", default=False)
DEMO_SECRET = "demo-secret-of-the-party-history-study-portal-not-for-production"  # noqa: S105 - refused below
DEMO_PASSWORD = "xuedangshi2021"  # noqa: S105 - exists in demonstrations only, see portal.sign_in
SECRET_KEY = os.environ.get("SECRET_KEY", DEMO_SECRET if DEMO or DEBUG else "")
if not (DEMO or DEBUG) and (SECRET_KEY == DEMO_SECRET or len(SECRET_KEY) < 40):
    raise ImproperlyConfigured(
        "SECRET_KEY must be set to a random text of at least 40 characters of your own "
        "(the demo secret is refused unless DEMO=on)."
    )
# Former secrets: what they signed or sealed stays good until they are taken out here.
SECRET_KEY_FALLBACKS = environment.items("SECRET_KEY_FALLBACKS")
# What robots' addresses are sealed with: the first seals, all of them open (portal/sealed.py).
SEALING_KEYS = [*environment.long_secrets("SEALING_KEY"), SECRET_KEY, *SECRET_KEY_FALLBACKS]
HTTPS = environment.on_or_off("HTTPS", default=not (DEMO or DEBUG))
ALLOWED_HOSTS = environment.items("ALLOWED_HOSTS") or (["*"] if DEMO or DEBUG else [])
CSRF_TRUSTED_ORIGINS = environment.items("CSRF_TRUSTED_ORIGINS")
# Addresses of reverse proxies whose X-Forwarded-For may be believed; see portal.gate.address_of.
TRUSTED_PROXIES = environment.items("TRUSTED_PROXIES")

VAR_DIR = Path(os.environ.get("VAR_DIR", BASE_DIR / "var"))

# --- Applications --------------------------------------------------------------------------

INSTALLED_APPS = [
    "courses.apps.CoursesConfig",
    "credits.apps.CreditsConfig",
    "portal.apps.PortalConfig",
    "portal.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
    "axes",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.gate.ScopeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "portal.site_urls"
WSGI_APPLICATION = "portal.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.rendering.chrome",
                "courses.badges.badges",
            ],
            "builtins": ["portal.templatetags.portal"],
        },
    },
]

# The functions that follow when people move (DESIGN section 1), and the work done by the clock.
MEMBERSHIP_FOLLOWERS = ["credits.roll.follow", "courses.unfinished.follow"]
CLOSING_FOLLOWERS = ["courses.expiry.follow"]
PERIODIC_WORK = [
    "portal.jobs.tidy",
    "portal.audit.expire",
    "portal.sign_in.forget_failures",
    "portal.people_in.staging.expire",
    "portal.messages.expire",
    "credits.programmes.turn_the_day",
    "credits.bulletin_news.tell",
    "credits.bulletin_news.mail",
    "courses.sheets.sheets_in.expire",
    "courses.weekly.compose",
    "courses.weekly.mail",
    "courses.online.deliveries.send_waiting",
    "courses.expiry.sweep",
    "courses.samples.expire",
]

# --- Database ------------------------------------------------------------------------------

DATABASES = environment.databases(VAR_DIR)
SNAPSHOT = "snapshot"  # the alias for verification, exports and backups
DATABASE_ROUTERS = ["portal.querysets.SnapshotRouter"]
# Seconds that a standby may lag; for as long, whoever has sent something reads from the primary.
REPLICA_LAG = environment.whole_number("REPLICA_LAG", default=10)
if "replica" in DATABASES:
    DATABASE_ROUTERS.append("portal.replica.ReplicaRouter")
    MIDDLEWARE.insert(0, "portal.replica.WrittenMiddleware")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Signing in ----------------------------------------------------------------------------

AUTH_USER_MODEL = "portal.Member"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "portal.sign_in.MemberBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "portal.sign_in.LengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
SESSION_COOKIE_AGE = 30 * 24 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = "Lax"

# --- Language and time ---------------------------------------------------------------------

LANGUAGE_CODE = "zh-hans"
TIME_ZONE = "Asia/Shanghai"
USE_I18N = True
USE_TZ = True

# --- Files ---------------------------------------------------------------------------------

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_ROOT = VAR_DIR / "files"
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000  # a roll call of an assembly of 2,000 without JavaScript
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

# Rankings that a reader pages through are kept here, for all server processes alike.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": VAR_DIR / "cache",
        "OPTIONS": {"MAX_ENTRIES": 2000},
    }
}

# --- E-mail --------------------------------------------------------------------------------

# Off without a server; a demonstration prints what it would send.
MAIL = environment.mail(default="consolemail://" if DEMO else "")
MAIL_ON = bool(MAIL)
EMAIL_BACKEND = MAIL.get("EMAIL_BACKEND", "django.core.mail.backends.dummy.EmailBackend")
EMAIL_HOST, EMAIL_PORT = MAIL.get("EMAIL_HOST", ""), MAIL.get("EMAIL_PORT", 25)
EMAIL_HOST_USER = MAIL.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = MAIL.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS, EMAIL_USE_SSL = "EMAIL_USE_TLS" in MAIL, "EMAIL_USE_SSL" in MAIL
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = MAIL.get("MAIL_FROM", "portal@localhost")
SITE_ADDRESS = CSRF_TRUSTED_ORIGINS[0] if CSRF_TRUSTED_ORIGINS else ""

# --- Group robots ---------------------------------------------------------------------------

# Where robots may be besides the services' own hosts: origins of gateways of one's own.
ROBOT_ORIGINS = environment.origins("ROBOT_ORIGINS")

# --- Background work -----------------------------------------------------------------------

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
JOB_SILENCE = environment.whole_number(
    "JOB_SILENCE", default=40
)  # seconds until a job without heartbeat is dead

# --- Browser security: no foreign origin, no inline style or script ------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "media-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    name: [] for name in ("camera", "geolocation", "microphone", "payment", "usb")
}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = environment.whole_number("HSTS_SECONDS", default=3600)
    # Preloading and subdomains are the domain owner's decision, not ours.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

# --- Small things --------------------------------------------------------------------------

CRISPY_ALLOWED_TEMPLATE_PACKS = CRISPY_TEMPLATE_PACK = "bootstrap5"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "portal.gate.address_of"
AXES_LOCKOUT_CALLABLE = "portal.views.sign_in.locked_out"
AXES_USERNAME_FORM_FIELD = "number"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ACCESS_FAILURE_LOG = True  # counted by number, see portal.sign_in
AXES_VERBOSE = False
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    # They name the address of each request, which is a robot's secret.
    "loggers": {"httpx": {"level": "CRITICAL"}, "httpcore": {"level": "CRITICAL"}},
}
