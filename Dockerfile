# One image for web, worker, beat, live prices and Flower; docker-compose.yml says which one a container is.

FROM node:22.20.0-bookworm-slim AS front
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build

FROM python:3.11.13-slim-bookworm AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.txt /requirements.txt
RUN python -m venv /venv && /venv/bin/pip install --require-hashes -r /requirements.txt

FROM python:3.11.13-slim-bookworm
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=portfolio_site.settings \
    HOST=0.0.0.0 \
    VAR_DIR=/var/lib/portfolio
# The folder belongs to the server's user before a volume is laid over it, so that the volume does, too.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin portfolio \
    && install --directory --owner=portfolio --group=portfolio --mode=0750 /var/lib/portfolio
WORKDIR /app
COPY --from=packages /venv /venv
COPY . .
COPY --from=front /app/static/dist static/dist
RUN pybabel --quiet compile --directory locale --domain django
USER 10001
VOLUME /var/lib/portfolio
EXPOSE 8000 5555
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["uvicorn", "portfolio_site.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--lifespan", "off", "--ws", "portfolio_site.websocket:Protocol", "--ws-max-size", "65536", "--no-server-header", "--no-access-log", "--timeout-graceful-shutdown", "8"]
