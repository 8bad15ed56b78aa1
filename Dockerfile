# One image for every role; the command, run as `python -m ...`, says which:
#   docker build -t shop-access-email .
#   docker run shop-access-email dramatiq workers.main:send --queues send --processes 1 --threads 8
# `--target sandbox` adds the stand-ins that docker-compose.yml puts around it. No role writes outside /tmp and
# PROMETHEUS_MULTIPROC_DIR: the root file system may be read-only.

FROM python:3.12-slim AS interpreter
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
RUN groupadd --gid 10001 email \
 && useradd --uid 10001 --gid email --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin email

# Installed from the outside, so that the environment itself has no installer.
FROM interpreter AS packages
RUN python -m venv --without-pip /opt/venv
COPY requirements/base.txt requirements/
RUN /usr/local/bin/pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
    --require-hashes -r requirements/base.txt

FROM packages AS sandbox-packages
COPY requirements/dev.txt requirements/
RUN /usr/local/bin/pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
    --require-hashes -r requirements/dev.txt

FROM interpreter AS code
COPY shared shared
COPY web web
COPY workers workers
COPY scheduler scheduler
# Compiled now: at run time nothing can be written here.
RUN python -m compileall -q .
ENTRYPOINT ["python", "-m"]

FROM code AS sandbox
COPY --from=sandbox-packages /opt/venv /opt/venv
COPY sandbox sandbox
# New volumes take over the owner of the folder they are mounted on.
RUN python -m compileall -q sandbox && install -d -o email -g email /run/world /state
USER 10001:10001

# The last stage is what a plain `docker build` makes.
FROM code AS product
COPY --from=packages /opt/venv /opt/venv
USER 10001:10001
EXPOSE 8080
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8080", \
     "--workers", "2", "--workers-kill-timeout", "5s", "--blocking-threads", "8", \
     "--factory", "web.app:from_environment"]
