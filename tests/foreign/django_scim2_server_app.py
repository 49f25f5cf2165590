"""django-scim2-server (no relation of django-scim2) over Django's own users. Prints the root once it listens.

Run by the interpreter of the environment it is installed in; the working folder is for its database.
"""

from __future__ import annotations

import json
import logging
import sys
from types import ModuleType
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

TOKEN = "not-secret"


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Patient(WSGIServer):
    request_queue_size = 64


def has_token(request: Any) -> bool:
    """Whether the request carries the token."""
    return bool(request.headers.get("Authorization") == f"Bearer {TOKEN}")


def main() -> None:
    """Serve until killed."""
    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from django.urls import include, path

    logging.disable(logging.CRITICAL)
    urls = ModuleType("urls")
    vars(urls)["urlpatterns"] = [path("scim/v2/", include("django_scim2_server.urls"))]
    sys.modules["urls"] = urls
    settings.configure(
        SECRET_KEY=TOKEN,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="urls",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_scim2_server"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "people.sqlite"}},
        SCIM2_SERVER_AUTH_CHECK="__main__.has_token",
    )
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    server = make_server("127.0.0.1", 0, get_wsgi_application(), _Patient, _Silent)
    place = f"http://127.0.0.1:{server.server_port}/scim/v2"
    print(json.dumps({"url": place, "token": TOKEN}), flush=True)  # noqa: T201 - how the caller hears of it
    server.serve_forever()


if __name__ == "__main__":
    main()
