# The daemon in a container:
#   docker run --read-only --tmpfs /tmp:noexec,nosuid,size=16m --cap-drop ALL --security-opt no-new-privileges \
#     -v supplier-agent:/data -v ./supplier-agent.toml:/etc/supplier-agent/supplier-agent.toml:ro \
#     -v ./token-notio:/run/secrets/token-notio:ro supplier-agent
# /data must be a local disk: SQLite's locks do not work on NFS or SMB. One container per volume.

# Both stages use the same image, because a virtual environment contains the path of its interpreter. It is pinned by its exact
# tag. To pin every byte, use the digest from your registry: --build-arg BASE_IMAGE=python@sha256:…
ARG BASE_IMAGE=python:3.13.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
ARG REVISION=unknown
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
# The build tool also comes from a lock, and its folder is not copied into the image. Nothing is installed without its hash.
# Locks are complete, so nothing is resolved (--no-deps). `pip check` below fails if a lock is incomplete.
RUN python3 -m venv /opt/supplier-agent \
 && /opt/supplier-agent/bin/pip install --require-hashes --no-deps --only-binary=:all: -r requirements.lock \
 && python3 -m venv /opt/build \
 && /opt/build/bin/pip install --require-hashes --no-deps --only-binary=:all: -r requirements-build.lock
COPY pyproject.toml hatch_build.py sbom.py README.md LICENSE ./
# What `config init` writes.
COPY config/supplier-agent.example.toml ./config/
COPY supplier_agent ./supplier_agent
RUN SOURCE_COMMIT="${REVISION}" /opt/build/bin/hatchling build -t wheel -d /src/dist \
 && /opt/supplier-agent/bin/pip install --no-deps --no-index /src/dist/*.whl \
 && /opt/supplier-agent/bin/pip check \
 && /opt/supplier-agent/bin/pip uninstall -y pip \
 && python3 sbom.py >/opt/supplier-agent/sbom.cdx.json \
 && python3 -m compileall -q /opt/supplier-agent

FROM ${BASE_IMAGE}
ARG VERSION=0.2.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="supplier-agent" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.licenses="MIT"
# Numbers, because orchestrators check "not root" by number. The folder is created here, so that a new volume inherits it.
# The configuration is an empty file: mount yours over it, or set every key by an environment variable.
RUN groupadd --gid 10001 supplier-agent \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin supplier-agent \
 && install -d -o 10001 -g 10001 -m 2770 /data \
 && install -D -m 644 /dev/null /etc/supplier-agent/supplier-agent.toml
COPY --from=build /opt/supplier-agent /opt/supplier-agent
# The path of the configuration is set, so that no file in the current folder is used.
ENV PATH=/opt/supplier-agent/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONFAULTHANDLER=1 \
    PYTHONUNBUFFERED=1 \
    SUPPLIER_AGENT_CONFIG=/etc/supplier-agent/supplier-agent.toml \
    SUPPLIER_AGENT_STATE_DIR=/data
USER 10001:10001
WORKDIR /
VOLUME ["/data"]
STOPSIGNAL SIGTERM
# The page needs web.listen = 0.0.0.0:8080 (SUPPLIER_AGENT_WEB__LISTEN); the metrics need metrics.listen = 0.0.0.0:9464.
EXPOSE 8080 9464
# Unhealthy: the agent or its page cannot work at all (nothing runs or it hangs, the page does not listen, database or disk
# fail, the configuration cannot be used). Still healthy: an order waits for a person, the marketplace is unreachable or refuses
# the token. Docker accepts only 0 and 1. A stop takes up to the deadline of a call: docker stop --time 60.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["sh", "-c", "supplier-agent status --alive || exit 1"]
ENTRYPOINT ["supplier-agent"]
CMD ["run"]
