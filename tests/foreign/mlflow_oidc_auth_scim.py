"""mlflow-oidc-auth's SCIM router on a database of its own, without MLflow around it. Prints the root once it listens.

Run by the interpreter of the environment it is installed in; the working folder is for its database.
"""

from __future__ import annotations

import json
import logging
import socket
from pathlib import Path


def main() -> None:
    """Serve until killed."""
    import uvicorn
    from fastapi import FastAPI
    from mlflow_oidc_auth import store as stored
    from mlflow_oidc_auth.routers.scim import scim_router
    from mlflow_oidc_auth.sqlalchemy_store import SqlAlchemyStore

    logging.disable(logging.CRITICAL)
    store = SqlAlchemyStore()
    store.init_db(f"sqlite:///{Path.cwd() / 'auth.db'}")
    object.__setattr__(stored.store, "_instance", store)
    _, token = store.create_scim_token("trueup", None)
    app = FastAPI()
    app.include_router(scim_router)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    place = f"http://127.0.0.1:{listener.getsockname()[1]}/scim/v2"
    print(json.dumps({"url": place, "token": token}), flush=True)  # noqa: T201 - how the caller hears of it
    uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off")).run(sockets=[listener])


if __name__ == "__main__":
    main()
