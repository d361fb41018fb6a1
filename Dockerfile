# Feedsmith, its default models included: docker build -t feedsmith .
# What it costs, and why each part stays: docs/deploy/image.md. How to run it: docs/deploy/docker.md.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
# strip(1) takes the debugging symbols out of compiled packages: 120 MB. The others are for base.py to take along:
# OpenMP is the language model's runtime's; its wheel does not bring it. This stage is thrown away.
# No versions: the newest of a stable Debian are its security fixes.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends binutils libgomp1 libstdc++6 ca-certificates media-types netbase tzdata \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
ENV PIP_CONSTRAINT=/src/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# Packages first: they change seldom, and their layer is then taken from the cache.
# The secret is optional: a CA of your own, where a proxy looks into what comes over TLS.
COPY pyproject.toml constraints.txt deploy/image/requirements.py /src/
RUN --mount=type=secret,id=pip_ca,required=false \
    if [ -s /run/secrets/pip_ca ]; then export PIP_CERT=/run/secrets/pip_ca; fi; \
    python3 -m venv /opt/venv \
    && python3 requirements.py pyproject.toml postgres > requirements.txt \
    && /opt/venv/bin/pip install -r requirements.txt
COPY README.md LICENSE NOTICE /src/
COPY src /src/src
RUN --mount=type=secret,id=pip_ca,required=false \
    if [ -s /run/secrets/pip_ca ]; then export PIP_CERT=/run/secrets/pip_ca; fi; \
    /opt/venv/bin/pip install --no-deps . \
    && FEEDSMITH_MODELS=/opt/models /opt/venv/bin/feedsmith models fetch
COPY deploy/image/slim.py /src/
RUN python3 slim.py /opt/venv
COPY deploy/image/base.py /src/
RUN python3 base.py /system /opt/venv \
    && echo "feedsmith:x:10001:10001::/data:/usr/sbin/nologin" >> /system/etc/passwd \
    && echo "feedsmith:x:10001:" >> /system/etc/group

# What Debian and Python are needed for, and no more: no package manager, no Perl, no bash.
FROM scratch
COPY --from=build /system /
COPY --from=build /opt/models /opt/models
COPY --from=build /opt/venv /opt/venv
COPY --chmod=755 deploy/image/studio /usr/local/bin/studio
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OMP_WAIT_POLICY=PASSIVE \
    HOME=/data FEEDSMITH_MODELS=/opt/models FEEDSMITH_HOST=0.0.0.0 FEEDSMITH_PORT=8321 FEEDSMITH_OWNER=owner \
    FEEDSMITH_MEMORY=420
RUN install -d -o 10001 -g 10001 /data
WORKDIR /data
USER 10001:10001
# Nothing that runs was taken out, and nothing is missing: all that server, worker and publisher need is loaded once.
RUN python -c "import av, psycopg, feedsmith.generate, feedsmith.rework, feedsmith.library, feedsmith.captions.writer; \
from feedsmith import doctor; assert not (bad := [f.text for f in doctor.examine() if f.level == 'bad']), bad; \
import ssl, sqlite3, zoneinfo; assert len(ssl.create_default_context().get_ca_certs()) > 100; zoneinfo.ZoneInfo('Europe/Berlin')"
VOLUME /data
EXPOSE 8321
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["studio", "--healthy"]
CMD ["studio"]
