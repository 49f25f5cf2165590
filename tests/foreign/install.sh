#!/bin/sh
# Gets the SCIM servers of other people that make soak tries, pinned, into .venv-foreign; says what it could not do.
set -eu
cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-python3}
into=.venv-foreign
mkdir -p "$into/node"

if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
    if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
        echo "soak: node and npm (node 18 or newer) are missing; install them, or run as root on Debian." >&2
        exit 1
    fi
    echo "Installing node ..."
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends nodejs npm >/dev/null
fi
node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 18 ? 1 : 0)' || {
    echo "soak: node $(node --version) is too old; the servers need 18 or newer." >&2
    exit 1
}

echo "Getting the SCIM servers of other people (a minute or two) ..."
[ -f "$into/node/package.json" ] || echo '{"private": true}' >"$into/node/package.json"
npm install --prefix "$into/node" --silent --no-audit --no-fund --no-save --no-package-lock \
    @boxyhq/saml-jackson@26.2.0 scim-patch@0.8.3 scim2-parse-filter@0.2.10 \
    scimmy@1.3.5 scimmy-routers@1.3.2 express@4.22.3 \
    better-auth@1.7.5 @better-auth/scim@1.7.5 @better-auth/core@1.7.5 @better-auth/utils@0.4.2 better-call@1.4.0

# NAME PYTHON PACKAGES ...: packages of PyPI in an environment of their own.
environment() {
    name=$1 interpreter=$2
    shift 2
    [ -x "$into/$name/bin/python" ] || "$interpreter" -m venv "$into/$name"
    "$into/$name/bin/python" -m pip install --quiet --disable-pip-version-check "$@" 2>"$into/$name.log" || {
        cat "$into/$name.log" >&2
        exit 1
    }
}

# With a newer scim2-models, which it asks for, Canaille answers 500 to everything.
environment canaille "$PYTHON" canaille==0.3.6 scim2-models==0.6.12 scim2-client==0.7.5 authlib==1.9.10 joserfc==1.8.0 \
    tomlkit==0.15.2 httpx==0.28.1 flask==3.1.3 wtforms==3.3.2 pydantic==2.14.4
environment django-scim2-server "$PYTHON" django-scim2-server==1.1.0 django==5.2.19 scim2-models==0.12.3 pydantic==2.14.4

# mlflow-oidc-auth says that it runs on Python 3.11 and imports on 3.12 and later alone. MLflow comes without what it computes with.
if newer=$(command -v python3.12) && "$newer" -c "" 2>/dev/null; then
    environment mlflow-oidc-auth "$newer" --no-deps mlflow-oidc-auth==11.0.2 mlflow==3.16.0
    environment mlflow-oidc-auth "$newer" mlflow-skinny==3.16.0 alembic==1.20.1 asgiref==3.13.0 authlib==1.9.10 \
        cachetools==7.3.3 fastapi==0.165.0 flask==3.1.3 flask-cors==6.0.5 httpx2==2.16.2 joserfc==1.8.0 \
        python-dotenv==1.2.4 requests==2.34.2 sqlalchemy==2.1.9 truststore==0.10.5 uvicorn==0.54.0
else
    echo "soak: mlflow-oidc-auth needs python3.12, which is not here: it is left out." >&2
fi

# open-webui's SCIM router needs a tenth of what open-webui needs: its model runners stay away.
[ -x "$into/open-webui/bin/python" ] || "$PYTHON" -m venv "$into/open-webui"
pip="$into/open-webui/bin/python -m pip install --quiet --disable-pip-version-check"
$pip --no-deps open-webui==0.12.4
$pip aiocache==0.12.3 aiohttp==3.14.5 aiosqlite==0.22.1 alembic==1.18.4 argon2-cffi==25.1.0 authlib==1.7.2 \
    bcrypt==5.0.0 beautifulsoup4==4.14.3 chromadb==1.5.9 cryptography==48.0.1 fastapi==0.136.3 httpx==0.28.1 \
    itsdangerous==2.2.0 joserfc==1.7.4 langchain-core==1.4.8 loguru==0.7.3 markdown==3.10.2 orjson==3.11.9 \
    pillow==13.0.0 pycrdt==0.14.8 pydantic==2.13.4 "pyjwt[crypto]==2.13.0" python-mimeparse==2.0.0 \
    python-multipart==0.0.32 python-socketio==5.16.2 pytz==2026.2 redis==8.0.1 requests==2.34.2 \
    "sqlalchemy[asyncio]==2.0.50" typer==0.29.2 uvicorn==0.54.0 validators==0.35.0 2>"$into/open-webui.log" || {
    cat "$into/open-webui.log" >&2
    exit 1
}
