# One image for every role; the command, run as `python -m ...`, says which:
#   docker build -t shop-access-email .
#   docker run shop-access-email dramatiq workers.main:send --queues send --processes 1 --threads 8
# A release names its base by digest, and its own commit:
#   docker build --build-arg PYTHON=python:3.12-slim-trixie@sha256:... --build-arg REVISION="$(git rev-parse HEAD)" .
# `--target sandbox` adds the stand-ins that docker-compose.yml puts around it. No role writes outside /tmp and
# PROMETHEUS_MULTIPROC_DIR: the root file system may be read-only. Each role answers SIGTERM as process 1.

ARG PYTHON=python:3.12-slim-trixie

FROM ${PYTHON} AS packages
# Installed from the outside, so that the environment itself has no installer.
RUN python -m venv --without-pip /opt/venv
COPY requirements/base.txt requirements/
# Wheels, so that nothing is compiled. pyhocon has none and is Python alone.
RUN pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
    --require-hashes --only-binary :all: --no-binary pyhocon -r requirements/base.txt

FROM packages AS sandbox-packages
COPY requirements/dev.txt requirements/
RUN pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
    --require-hashes --only-binary :all: --no-binary pyhocon -r requirements/dev.txt

FROM ${PYTHON} AS interpreter
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
# Without the installer of the base, and without what would bring it back.
RUN python -m pip uninstall --quiet --yes --root-user-action ignore pip \
 && rm -rf /usr/local/lib/python3.*/ensurepip \
 && groupadd --gid 10001 email \
 && useradd --uid 10001 --gid email --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin email
ENTRYPOINT ["python", "-m"]

# Compiled now, and not compared with its source again: at run time nothing can be written here. Everybody may read it,
# whatever the umask of the checkout was.
FROM interpreter AS code
COPY shared shared
COPY web web
COPY workers workers
COPY scheduler scheduler
RUN python -m compileall -q --invalidation-mode unchecked-hash . && chmod -R a+rX .

FROM code AS sandbox-code
COPY sandbox sandbox
RUN python -m compileall -q --invalidation-mode unchecked-hash sandbox && chmod -R a+rX sandbox

# Packages first: they change seldom, and a new commit then is one small layer.
FROM interpreter AS sandbox
COPY --from=sandbox-packages /opt/venv /opt/venv
COPY --from=sandbox-code /app /app
# New volumes take over the owner of the folder they are mounted on.
RUN install -d -o email -g email /run/world /state
USER 10001:10001

# The last stage is what a plain `docker build` makes.
FROM interpreter AS product
COPY --from=packages /opt/venv /opt/venv
COPY --from=code /app /app
USER 10001:10001
EXPOSE 8080 9191
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8080", \
     "--workers", "2", "--workers-kill-timeout", "5s", "--blocking-threads", "8", \
     "--factory", "web.app:from_environment"]
ARG REVISION=
ENV EMAIL_RELEASE=${REVISION}
LABEL org.opencontainers.image.title="shop-access-email" \
      org.opencontainers.image.description="Multi-tenant transactional e-mail through Postmark" \
      org.opencontainers.image.revision="${REVISION}"
