"""Settings, from the environment alone. Every name is read here or in lib.env, and a missing one fails loudly."""

import os
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from emarge.lib.databases import database_of
from emarge.lib.env import data_dir, flag

PACKAGE = Path(__file__).parent
DATA = data_dir()

SECRET_KEY = (DATA / "web" / "secret-key").read_text(encoding="ascii").strip()
DEBUG = False
# The spaces sit behind a reverse proxy that checks the host; on loopback the host picks the base (hosting.queries).
ALLOWED_HOSTS = os.environ.get("EMARGE_HOSTS", "localhost 127.0.0.1 [::1] .localhost").split()
# A reverse proxy in front speaks HTTPS with the world, and writes the person's address in X-Forwarded-For.
BEHIND_PROXY = flag("EMARGE_HTTPS", default=False)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_htmx",
    "axes",
    "emarge.audit",
    "emarge.hosting",
    "emarge.accounts",
    "emarge.institutions",
    "emarge.timetable",
    "emarge.attendance",
    "emarge.inspections",
    "emarge.retention",
    "emarge.spaces",
    "emarge.spaces.teachers",
    "emarge.spaces.students",
    "emarge.spaces.secretariat",
]

MIDDLEWARE = [
    "emarge.hosting.middleware.ReverseProxyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "emarge.spaces.middleware.ContentSecurityPolicyMiddleware",
    "emarge.spaces.delivery.StaticFilesMiddleware",
    "emarge.spaces.delivery.PageCompressionMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "emarge.hosting.middleware.BaseMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "emarge.accounts.middleware.LoginRequiredMiddleware",
    "emarge.accounts.middleware.KeptSessionMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "emarge.spaces.devices.DeviceMiddleware",
    "axes.middleware.AxesMiddleware",
    "emarge.spaces.middleware.ReadOnlyGetMiddleware",
]

ROOT_URLCONF = "emarge.urls"
WSGI_APPLICATION = None

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "emarge.spaces.context.shell",
            ],
        },
    },
]

DATABASES = {"default": database_of(DATA)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "emarge.accounts.backends.BaseLoginBackend"]
PASSWORD_HASHERS = ["emarge.accounts.hashers.Argon2Hasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

# One person behind a school's single address must not lock the others out: the pair counts (accounts/throttling.py).
AXES_HANDLER = "emarge.accounts.throttling.Handler"
AXES_CLIENT_IP_CALLABLE = "emarge.accounts.throttling.network_of"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_CALLABLE = "emarge.accounts.backends.throttled_name"
AXES_LOCKOUT_CALLABLE = "emarge.accounts.backends.locked_out"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours, from the last failure before the lock
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_DISABLE_ACCESS_LOG = True

SESSION_ENGINE = "emarge.accounts.session_store"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = BEHIND_PROXY
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = BEHIND_PROXY
CSRF_FAILURE_VIEW = "emarge.spaces.errors.csrf_failure"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_HSTS_SECONDS = 31536000 if BEHIND_PROXY else 0
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("fr", _("French"))]
LOCALE_PATHS = [PACKAGE / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATICFILES_DIRS = [PACKAGE / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3600
WHITENOISE_IMMUTABLE_FILE_TEST = r"-[0-9A-Z]{8}\.woff2$"  # fonts: their names change with their content

SILENCED_SYSTEM_CHECKS = [
    "auth.W004",  # a login is unique inside its base, and our own backend looks it up there
    "security.W004",  # HSTS, secure redirects and cookies follow EMARGE_HTTPS
    "security.W008",
    "security.W012",
    "security.W016",
]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "emarge": {"level": "INFO"},
        "django.request": {"level": "ERROR"},  # a refused page is an answer, not a fault to report with its trace
    },
}
