"""Serves django-scim2 with waitress in a process of its own; the port is told through a pipe."""

from __future__ import annotations

import logging
import multiprocessing
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection


def serve(pipe: Connection, database: str) -> None:
    """Set Django up on a fresh database and serve until killed."""
    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from waitress.server import create_server

    logging.disable(logging.CRITICAL)
    settings.configure(
        SECRET_KEY="not-secret",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="tests.support.django_people.urls",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "tests.support.django_people",
            "django_scim",
        ],
        MIDDLEWARE=["tests.support.django_people.access.bearer", "django_scim.middleware.SCIMAuthCheckMiddleware"],
        AUTH_USER_MODEL="django_people.Person",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        SCIM_SERVICE_PROVIDER={
            "NETLOC": "localhost",
            "SCHEME": "http",
            "AUTHENTICATION_SCHEMES": [],
            "GET_IS_AUTHENTICATED_PREDICATE": "tests.support.django_people.access.let_in",
        },
    )
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    server: Any = create_server(get_wsgi_application(), host="127.0.0.1", port=0, threads=1)  # stubs lack its port
    pipe.send(server.effective_port)
    server.run()


@contextmanager
def running(database: str) -> Iterator[str]:
    """The root of a fresh django-scim2 server."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, database), daemon=True)
    process.start()
    theirs.close()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/scim/v2"
    finally:
        ours.close()
        process.kill()
        process.join()
        process.close()
