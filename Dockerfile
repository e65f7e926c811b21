# One hub. Mount its configuration at /etc/yidi and its data at /var/lib/yidi:
#   docker run -v /srv/hub/etc:/etc/yidi:ro -v /srv/hub/data:/var/lib/yidi yidi

FROM python:3.11-slim-bookworm AS builder
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

# The locked packages first: they change more seldom than the source.
COPY requirements-build.lock requirements-runtime.lock ./
RUN python -m venv /opt/build && \
    /opt/build/bin/pip install --require-hashes -r requirements-build.lock && \
    python -m venv /opt/yidi && \
    /opt/yidi/bin/pip install --require-hashes -r requirements-runtime.lock

COPY . .
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist . && \
    /opt/yidi/bin/pip install --no-deps --no-index /dist/*.whl && \
    /opt/yidi/bin/pip check

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/yidi --create-home yidi
COPY --from=builder /opt/yidi /opt/yidi
ENV PATH=/opt/yidi/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
WORKDIR /var/lib/yidi
VOLUME ["/var/lib/yidi"]
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["yidi", "health", "--config", "/etc/yidi/hub.toml"]
# SIGTERM drains: the hub finishes what is in flight before it stops.
STOPSIGNAL SIGTERM
ENTRYPOINT ["yidi"]
CMD ["serve", "--config", "/etc/yidi/hub.toml"]
