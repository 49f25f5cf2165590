"""open-webui's SCIM router as its own ``main`` mounts it, on its own database, without the rest. Prints the root.

Run by the interpreter of the environment open-webui is installed in; the working folder is for its data.
"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

HERE = Path.cwd()
os.environ |= {
    "ANONYMIZED_TELEMETRY": "false",
    "DATABASE_URL": f"sqlite:///{HERE}/webui.db",
    "DATA_DIR": str(HERE),
    "DO_NOT_TRACK": "true",
    "FROM_INIT_PY": "true",
    "OFFLINE_MODE": "true",
    "SCARF_NO_ANALYTICS": "true",
    "SCIM_AUTH_PROVIDER": "oidc",
    "WEBUI_SECRET_KEY": "not-secret",
}


def main() -> None:
    """Serve until killed."""
    import uvicorn
    from fastapi import FastAPI
    from open_webui.routers import scim

    app = FastAPI()
    app.state.ENABLE_SCIM, app.state.SCIM_TOKEN = True, "any"
    app.include_router(scim.router, prefix="/api/v1/scim/v2")
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    place = f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1/scim/v2"
    print(json.dumps({"url": place, "token": "any"}), flush=True)  # noqa: T201 - how the caller hears of it
    uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off")).run(sockets=[listener])


if __name__ == "__main__":
    main()
