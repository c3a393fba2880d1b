# The daemon in a container:
#   docker run --read-only --tmpfs /tmp:noexec,nosuid,size=16m --cap-drop ALL --security-opt no-new-privileges \
#     -v supplier-agent:/data -v ./supplier-agent.toml:/etc/supplier-agent/supplier-agent.toml:ro \
#     -v ./token-notio:/run/secrets/token-notio:ro supplier-agent
# /data must be a local disk: SQLite's locks do not hold over NFS or SMB. One container per volume.

# Both stages from the same image: a virtual environment holds the path of its interpreter. Pinned by its exact tag. A digest
# would bind every byte, and has to be asked of the registry where the image is built: --build-arg BASE_IMAGE=python@sha256:…
ARG BASE_IMAGE=python:3.13.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
ARG REVISION=unknown
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
# The build tool comes from a lock too, into a folder that stays behind: nothing is installed without its hash.
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
# Numbers, because orchestrators check "not root" by number. The folder is made here, so that a new volume inherits it.
RUN groupadd --gid 10001 supplier-agent \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin supplier-agent \
 && install -d -o 10001 -g 10001 -m 2770 /data
COPY --from=build /opt/supplier-agent /opt/supplier-agent
# The configuration is looked for where it always is, /etc/supplier-agent/supplier-agent.toml; environment beats file.
ENV PATH=/opt/supplier-agent/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONFAULTHANDLER=1 \
    PYTHONUNBUFFERED=1 \
    SUPPLIER_AGENT_STATE_DIR=/data
USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
STOPSIGNAL SIGTERM
# Only where web.listen (SUPPLIER_AGENT_WEB__LISTEN) says 0.0.0.0:8080.
EXPOSE 8080
# Unhealthy is what a new start could cure. Not: 1 an order waits for a person, 69 the marketplace is away, 77 it refuses
# the token. Docker knows 0 and 1 alone. Shutting down takes up to a call's deadline: docker stop --time 60.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["sh", "-c", "supplier-agent status --json >/dev/null; case $? in 0|1|69|77) exit 0 ;; *) exit 1 ;; esac"]
ENTRYPOINT ["supplier-agent"]
CMD ["run"]
