"""One settings file for every environment; what differs comes from the environment or `.env`.

A value of the wrong type, or an unset secret in production, stops the process at start.
`.env.example` documents every variable.
"""

from __future__ import annotations

import hashlib
import sys
from datetime import time, timedelta
from math import inf
from pathlib import Path

from csp.constants import SELF
from django.core.exceptions import ImproperlyConfigured
from environ import FileAwareEnv

from portfolio_site.secret import local_secret
from portfolio_site.ticks import TICKS

BASE_DIR = Path(__file__).resolve().parent.parent
TESTING = "pytest" in sys.modules
env = FileAwareEnv()  # NAME_FILE is read too, for container secrets
if not TESTING:  # tests give the same answers on a machine that is set up for something else
    env.read_env(env.str("ENV_FILE", default=str(BASE_DIR / ".env")))

VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))
PRODUCTION = env.bool("PRODUCTION", default=False)
DEBUG = env.bool("DEBUG", default=False)
DEMO = env.bool("DEMO", default=False)
if PRODUCTION and (DEMO or DEBUG):
    raise ImproperlyConfigured("PRODUCTION=1 refuses DEMO=1 (its logins are public) and DEBUG=1. Unset them.")
SECRET_KEY = env.str("SECRET_KEY", default="") or local_secret(VAR_DIR, production=PRODUCTION)
DATA_KEY = env.str("DATA_KEY", default="")  # seals the keys of providers; SECRET_KEY when it is empty
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
HOST = env.str("HOST", default="") or "127.0.0.1"  # nothing written is no wish to listen on every address
PORT = env.int("PORT", default=8000)
FLOWER_PORT = env.int("FLOWER_PORT", default=5555)
FLOWER_URL = env.str("FLOWER_URL", default="")  # how browsers reach it, where that is not FLOWER_PORT of the same host
if FLOWER_URL and not FLOWER_URL.startswith(("http://", "https://")):
    raise ImproperlyConfigured(f"FLOWER_URL is “{FLOWER_URL}”; it begins with http:// or https://.")
BROKER_PORT = env.int("BROKER_PORT", default=6399)  # of the broker that `manage.py run` starts
WORKER_CONCURRENCY = env.int("WORKER_CONCURRENCY", default=2)
STOP_PATIENCE = env.float("STOP_PATIENCE", default=1.0)  # times the seconds that `manage.py run` gives to end in order
if not 0 < STOP_PATIENCE < inf:
    raise ImproperlyConfigured(f"STOP_PATIENCE is {STOP_PATIENCE}; it is a number above 0.")

INSTALLED_APPS = [
    "portfolio_site.administration.apps.AdministrationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "csp",
    "django_celery_beat",
    "django_htmx",
    "channels",
    "core",
    "activity",
    "users",
    "assets",
    "banking",
    "portfolios",
    "analytics",
    "portfolio_site",
]
MIDDLEWARE = [
    "portfolio_site.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # pads each answer at random, and tokens are masked: no guessing by length
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "core.web.RefuseNullCharacters",
    "core.web.SlashMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "users.middleware.PersonalWriting",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "users.middleware.DayOfAddress",
    "axes.middleware.AxesMiddleware",
    "activity.middleware.IdempotencyMiddleware",  # last: its transaction holds the view and nothing else
]
ROOT_URLCONF = "portfolio_site.urls"
ASGI_APPLICATION = "portfolio_site.asgi.application"
WSGI_APPLICATION = "portfolio_site.wsgi.application"
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
                "users.day.day_bar",
            ],
        },
    },
]
FORM_RENDERER = "portfolio_site.widgets.WidgetRenderer"

# --- database: SQLite under var/ for one household, PostgreSQL for more -------------------------------------------
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'portfolio.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",  # a writer waits for the lock at the start, not in the middle
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- people and logins --------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = True
AXES_LOCKOUT_CALLABLE = "users.lockout.locked_out"

# --- web ----------------------------------------------------------------------------------------------------------
HTTPS = env.bool("HTTPS", default=PRODUCTION)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_ENGINE = "users.sessions"
SESSION_COOKIE_AGE = 3600
SESSION_SAVE_EVERY_REQUEST = False
X_FRAME_OPTIONS = "DENY"
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "manifest-src": [SELF],
        "object-src": ["'none'"],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": ["'none'"],
    }
}

LANGUAGE_CODE = "en"
# More ways to write numbers and dates than languages; portfolio_site/formats/ says how each does.
LANGUAGES = [
    ("en", "English"),
    ("en-us", "English (United States)"),
    ("en-gb", "English (United Kingdom)"),
    ("en-de", "English (Germany)"),
    ("en-ch", "English (Switzerland)"),
    ("de", "Deutsch"),
    ("de-at", "Deutsch (Österreich)"),
    ("de-ch", "Deutsch (Schweiz)"),
]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["portfolio_site.formats"]
TIME_ZONE = "UTC"  # storage and schedules; people see their own zone
USE_TZ = True
USE_I18N = True
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
if PRODUCTION:  # hashed names, cached for a year; a local run serves the sources and collects nothing
    STORAGES["staticfiles"] = {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_MIMETYPES = {".webmanifest": "application/manifest+json"}

# --- broker and background work -----------------------------------------------------------------------------------
# `manage.py run` starts a server of its own under var/ when REDIS_URL is not set. Its password follows from
# SECRET_KEY, so that every command of this installation knows it and no other user of the machine does.
BROKER_PASSWORD = hashlib.sha256(f"broker:{SECRET_KEY}".encode()).hexdigest()[:32]
REDIS_URL = env.str("REDIS_URL", default="")
OWN_BROKER = not REDIS_URL
REDIS_URL = REDIS_URL or f"redis://:{BROKER_PASSWORD}@127.0.0.1:{BROKER_PORT}/0"
CELERY_BROKER_URL = REDIS_URL
CELERY_RESULT_BACKEND = REDIS_URL
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 15 * 60
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 3  # seconds to finish what runs; then it goes back to the queue
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_EXPIRES = 3600
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = True
CELERY_TASK_SEND_SENT_EVENT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 2,  # above the second for which a worker waits for its next message
    "socket_connect_timeout": 1,
    "socket_keepalive": True,
    # A publisher gives up within seconds: what is due is in the database, and the next tick finds it.
    "retry_policy": {"max_retries": 2, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5},
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
# A message expires with its period: a backlog never runs the same round twice. (The scheduler's word for `expires`.)
CELERY_BEAT_SCHEDULE = {
    title: {"task": task, "schedule": timedelta(seconds=period), "options": {"expire_seconds": period}}
    for title, (task, period) in TICKS.items()
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            # The layer waits five seconds for a message, and so longer than that for the server.
            "hosts": [{"address": REDIS_URL, "socket_timeout": 15, "socket_connect_timeout": 1}],
            "prefix": "portfolio-live",
            "expiry": 15,
            "capacity": 1000,
        },
    }
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "portfolio",
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 1},
    }
}

# --- market data --------------------------------------------------------------------------------------------------
PRICE_PROVIDERS = env.list("PRICE_PROVIDERS", default=["polygon", "finnhub", "alpha_vantage", "csv_file"])
PROVIDER_ORDER = env.dict("PROVIDER_ORDER", default={"fx": "ecb polygon yahoo csv_file simulated"})  # by asset type
PROVIDER_BREAKER_FAILURES = env.int("PROVIDER_BREAKER_FAILURES", default=5)
PROVIDER_BREAKER_WAIT = timedelta(seconds=env.float("PROVIDER_BREAKER_WAIT", default=60.0))
PROVIDER_UNKNOWN_FOR = timedelta(hours=env.float("PROVIDER_UNKNOWN_HOURS", default=24.0))
POLYGON_API_KEY = env.str("POLYGON_API_KEY", default="")
POLYGON_URL = env.str("POLYGON_URL", default="https://api.polygon.io")
POLYGON_CALLS_PER_MINUTE = env.int("POLYGON_CALLS_PER_MINUTE", default=5)
POLYGON_TIMEOUT = env.float("POLYGON_TIMEOUT", default=30.0)
POLYGON_MOST_BYTES = env.int("POLYGON_MOST_BYTES", default=50_000_000)
FINNHUB_API_KEY = env.str("FINNHUB_API_KEY", default="")
FINNHUB_URL = env.str("FINNHUB_URL", default="https://finnhub.io/api/v1")
FINNHUB_CALLS_PER_SECOND = env.int("FINNHUB_CALLS_PER_SECOND", default=30)
FINNHUB_CALLS_PER_MINUTE = env.int("FINNHUB_CALLS_PER_MINUTE", default=60)
FINNHUB_TIMEOUT = env.float("FINNHUB_TIMEOUT", default=10.0)
FINNHUB_MOST_BYTES = env.int("FINNHUB_MOST_BYTES", default=10_000_000)
ALPHA_VANTAGE_API_KEY = env.str("ALPHA_VANTAGE_API_KEY", default="")
ALPHA_VANTAGE_URL = env.str("ALPHA_VANTAGE_URL", default="https://www.alphavantage.co")
ALPHA_VANTAGE_CALLS_PER_SECOND = env.int("ALPHA_VANTAGE_CALLS_PER_SECOND", default=1)
ALPHA_VANTAGE_CALLS_PER_DAY = env.int("ALPHA_VANTAGE_CALLS_PER_DAY", default=25)
ALPHA_VANTAGE_TIMEOUT = env.float("ALPHA_VANTAGE_TIMEOUT", default=15.0)
ALPHA_VANTAGE_MOST_BYTES = env.int("ALPHA_VANTAGE_MOST_BYTES", default=10_000_000)
YAHOO_URL = env.str("YAHOO_URL", default="")  # Yahoo's own hosts
YAHOO_CALLS_PER_MINUTE = env.int("YAHOO_CALLS_PER_MINUTE", default=60)
YAHOO_TIMEOUT = env.float("YAHOO_TIMEOUT", default=10.0)
YAHOO_MOST_BYTES = env.int("YAHOO_MOST_BYTES", default=10_000_000)
ECB_URL = env.str("ECB_URL", default="https://www.ecb.europa.eu/stats/eurofxref")
ECB_CALLS_PER_MINUTE = env.int("ECB_CALLS_PER_MINUTE", default=10)
ECB_TIMEOUT = env.float("ECB_TIMEOUT", default=20.0)
ECB_MOST_BYTES = env.int("ECB_MOST_BYTES", default=20_000_000)
PRICE_CSV_DIR = env.str("PRICE_CSV_DIR", default="")
PRICE_CSV_URL = env.str("PRICE_CSV_URL", default="")
CSV_FILE_CALLS_PER_MINUTE = env.int("CSV_FILE_CALLS_PER_MINUTE", default=10)
CSV_FILE_TIMEOUT = env.float("CSV_FILE_TIMEOUT", default=20.0)
CSV_FILE_MOST_BYTES = env.int("CSV_FILE_MOST_BYTES", default=50_000_000)
SIMULATED_SEED = env.int("SIMULATED_SEED", default=7)
BACKFILL_YEARS = env.int("BACKFILL_YEARS", default=10)
GAP_REPAIR_CALLS = env.int("GAP_REPAIR_CALLS", default=20)
FEED_ACTIONS = env.str("FEED_ACTIONS", default="ask")
if FEED_ACTIONS not in ("ask", "automatic"):
    raise ImproperlyConfigured(f"FEED_ACTIONS is “{FEED_ACTIONS}”; it can be ask or automatic.")
INGEST_AT = time.fromisoformat(env.str("INGEST_AT", default="03:00"))
INGEST_TIME_ZONE = env.str("INGEST_TIME_ZONE", default="UTC")
INGEST_LEASE = timedelta(seconds=env.float("INGEST_LEASE", default=30.0))  # a worker silent for so long is gone
INGEST_HEARTBEAT = timedelta(seconds=env.float("INGEST_HEARTBEAT", default=10.0))
CALCULATION_CACHE = env.int("CALCULATION_CACHE", default=60)  # seconds that figures computed on request are kept
QUOTE_TTL = timedelta(seconds=env.float("QUOTE_TTL", default=60.0))  # so long a quote is shown without asking again
PROFILE_TTL = timedelta(hours=env.float("PROFILE_TTL_HOURS", default=24.0))
QUOTE_WAIT = timedelta(seconds=env.float("QUOTE_WAIT", default=5.0))  # of readers while another asks for the first one
WATCHLISTS_PER_PERSON = env.int("WATCHLISTS_PER_PERSON", default=20)
SCENARIOS_PER_PERSON = env.int("SCENARIOS_PER_PERSON", default=50)
WATCHLIST_ENTRIES = env.int("WATCHLIST_ENTRIES", default=200)
# Live prices come from the first that works. "poll": quotes of what is watched are asked for; "simulated": a tape.
LIVE_SOURCES = env.list("LIVE_SOURCES", default=["finnhub", "polygon", "poll", "simulated"])
FINNHUB_STREAM_URL = env.str("FINNHUB_STREAM_URL", default="wss://ws.finnhub.io")
POLYGON_STREAM_URL = env.str("POLYGON_STREAM_URL", default="wss://socket.polygon.io/stocks")
LIVE_POLL_EVERY = env.float("LIVE_POLL_EVERY", default=2.0)
LIVE_TAPE_EVERY = env.float("LIVE_TAPE_EVERY", default=1.0)
LIVE_SOCKETS_PER_PERSON = env.int("LIVE_SOCKETS_PER_PERSON", default=10)  # in all web processes together
LIVE_SYMBOLS_PER_PERSON = env.int("LIVE_SYMBOLS_PER_PERSON", default=500)
LIVE_LEASE = env.float("LIVE_LEASE", default=30.0)  # what a web process took is free so many seconds after its death
INTRADAY_DAYS = env.int("INTRADAY_DAYS", default=0)  # for so long every tick is kept; 0 keeps none
PANEL_DIR = VAR_DIR / "panel"

# --- files that are booked -----------------------------------------------------------------------------------------
IMPORT_MOST_BYTES = env.int("IMPORT_MOST_BYTES", default=250_000_000)
IMPORT_MOST_TRADES = env.int("IMPORT_MOST_TRADES", default=20_000)  # of one file; transactions are limited by its size
IMPORT_KEPT_DAYS = env.int("IMPORT_KEPT_DAYS", default=30)  # a file that is not booked by then is deleted

# --- risk ---------------------------------------------------------------------------------------------------------
VAR_LEVELS = [float(level) for level in env.list("VAR_LEVELS", default=["0.95", "0.99"])]
VAR_HORIZONS = [int(sessions) for sessions in env.list("VAR_HORIZONS", default=["1", "10"])]
VAR_WINDOW = env.int("VAR_WINDOW", default=250)  # returns that each forecast of a backtest is made from
VAR_BACKTEST_DAYS = [int(days) for days in env.list("VAR_BACKTEST_DAYS", default=["250", "500"])]
VAR_HISTORY_DAYS = env.int("VAR_HISTORY_DAYS", default=30)  # for so long every night is kept, then one a month
BACKTEST_AT = time.fromisoformat(env.str("BACKTEST_AT", default="05:00"))  # in INGEST_TIME_ZONE
FLAG_CONCENTRATION = env.float("FLAG_CONCENTRATION", default=0.25)  # of a portfolio's value in one asset
FLAG_DRAWDOWN = env.float("FLAG_DRAWDOWN", default=0.20)  # the deepest fall of the last year
FLAG_VALUE_AT_RISK = env.float("FLAG_VALUE_AT_RISK", default=0.03)  # 95 %, one session, of the value
FLAG_OUTFLOW_DEVIATIONS = env.float("FLAG_OUTFLOW_DEVIATIONS", default=3.0)  # above the mean of the account's payments
FLAG_DORMANT_DAYS = env.int("FLAG_DORMANT_DAYS", default=365)
BANK_REPORT_AT = time.fromisoformat(env.str("BANK_REPORT_AT", default="05:30"))  # in INGEST_TIME_ZONE
BANK_CURRENCY = env.str("BANK_CURRENCY", default="USD")
if not all(value > 0 for value in (FLAG_CONCENTRATION, FLAG_DRAWDOWN, FLAG_VALUE_AT_RISK, FLAG_OUTFLOW_DEVIATIONS)):
    raise ImproperlyConfigured("FLAG_CONCENTRATION, FLAG_DRAWDOWN, FLAG_VALUE_AT_RISK and the others are more than 0.")
if not VAR_LEVELS or not all(0.5 <= level <= 0.999 for level in VAR_LEVELS):
    raise ImproperlyConfigured(f"VAR_LEVELS is {VAR_LEVELS}; each level lies between 0.5 and 0.999.")
if not VAR_HORIZONS or not all(1 <= sessions <= 252 for sessions in VAR_HORIZONS):
    raise ImproperlyConfigured(f"VAR_HORIZONS is {VAR_HORIZONS}; each is 1 to 252 sessions.")
if not VAR_BACKTEST_DAYS or not all(2 <= days <= 5000 for days in VAR_BACKTEST_DAYS):
    raise ImproperlyConfigured(f"VAR_BACKTEST_DAYS is {VAR_BACKTEST_DAYS}; each is 2 to 5000 sessions.")
if not max(30, 1 / (1 - max(VAR_LEVELS)) - 1e-6) <= VAR_WINDOW <= 5000:
    raise ImproperlyConfigured(f"VAR_WINDOW is {VAR_WINDOW}; it needs a whole return in the tail of {max(VAR_LEVELS)}.")

# --- mail and invitations -----------------------------------------------------------------------------------------
globals().update(env.email_url("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("MAIL_FROM", default="portfolio-server@localhost")
EMAIL_TIMEOUT = 10  # seconds; who invites waits for it
INVITATION_DAYS = env.int("INVITATION_DAYS", default=7)
if not 1 <= INVITATION_DAYS <= 365:
    raise ImproperlyConfigured(f"INVITATION_DAYS is {INVITATION_DAYS}; it can be 1 to 365.")

# --- API ----------------------------------------------------------------------------------------------------------
IDEMPOTENCY_KEY_DAYS = env.int("IDEMPOTENCY_KEY_DAYS", default=7)
if not 1 <= IDEMPOTENCY_KEY_DAYS <= 3650:
    raise ImproperlyConfigured(f"IDEMPOTENCY_KEY_DAYS is {IDEMPOTENCY_KEY_DAYS}; it can be 1 to 3650.")
IDEMPOTENCY_KEY_LIFE = timedelta(days=IDEMPOTENCY_KEY_DAYS)  # so long the same request gets the first answer
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "users.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["core.api.ThroughTheDoor"],
    "DEFAULT_PAGINATION_CLASS": "core.api.Pagination",
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "core.api.StableOrdering",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer", "core.web.BrowsableRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.parsing.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "core.problems.handle",
    "COERCE_DECIMAL_TO_STRING": True,  # a JSON number would lose digits in JavaScript
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "PAGE_SIZE": 100,
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=30),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "AUTH_HEADER_TYPES": ("Bearer",),
    "CHECK_REVOKE_TOKEN": True,  # a new password ends every login
    "UPDATE_LAST_LOGIN": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Portfolio server",
    "DESCRIPTION": "Exact books, nightly prices and risk. Money, prices and quantities are strings with all digits.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": False, "deepLinking": True, "filter": True},
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/",
    "ENUM_NAME_OVERRIDES": {
        "AccountKindEnum": "banking.models.AccountKind",
        "ActionKindEnum": "assets.models.ActionKind",
        "BasisEnum": "analytics.models.Basis",
        "BondDayCountEnum": "assets.models.bond.DAY_COUNT_NAMES",
        "CostMethodEnum": "portfolios.models.CostMethod",
        "DepositDayCountEnum": "banking.models.deposit.DAY_COUNT_NAMES",
        "RecurrenceUnitEnum": "banking.models.Every",
        "FlagStateEnum": "analytics.models.FlagState",
        "ImportKindEnum": "banking.models.ImportKind",
        "ImportNameKindEnum": "banking.models.NameKind",
        "RebalanceStateEnum": "analytics.models.RebalanceState",
        "JobStateEnum": "activity.models.JobState",
        "ScheduleRunStateEnum": "banking.models.RunState",
        "ScheduleStateEnum": "banking.models.ScheduleState",
        "MemberRoleEnum": "users.models.Role",
        "ShareRoleEnum": "banking.models.ShareRole",
        "TradeKindEnum": "portfolios.models.TradeKind",
    },
    "PREPROCESSING_HOOKS": ["portfolio_site.schema.canonical_paths"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "portfolio_site.schema.describe_problems",
        "portfolio_site.schema.describe_idempotency",
    ],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname:<7} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        # One line for each task and tick; Flower shows them, and what fails is logged all the same.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "tornado.access": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},  # it would log addresses, and one provider's key is part of them
        "yfinance": {"level": "ERROR"},
    },
}
