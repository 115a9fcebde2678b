# One image: the workspace server (`harness up`), and what runs a mounted repository (`harness demo`, `pytest`).
# How it is built, run and tested: docs/containers.md.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV HARNESS_CACHE=/opt/cache PYTHONDONTWRITEBYTECODE=
RUN python3 -m venv /opt/harness
COPY requirements/demo.txt /src/requirements/
RUN /opt/harness/bin/pip install --no-cache-dir --require-hashes -r /src/requirements/demo.txt
COPY pyproject.toml README.md /src/
COPY harness /src/harness
RUN /opt/harness/bin/pip install --no-cache-dir --no-deps /src
# Jars, catalog classes and the archive of the JVM's loaded classes: afterwards no network is needed.
COPY containers/warm.py /src/
# Behind a proxy with an authority of its own: the file, in the base image, that names it.
ARG SSL_CERT_FILE
RUN mkdir -p /src/dags /src/notebooks && cd /src \
    && /opt/harness/bin/harness fetch && /opt/harness/bin/python warm.py \
    && chmod -R a+rwX /opt/cache

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="airflow-databricks-harness"
RUN useradd --uid 10001 --create-home harness && install -d -o harness -m 0777 /state /project
COPY --from=build /opt/harness /opt/harness
COPY --from=build --chown=10001 /opt/cache /opt/cache
ENV PATH=/opt/harness/bin:$PATH HARNESS_CACHE=/opt/cache HARNESS_STATE=/state PYTHONUNBUFFERED=1
USER harness
WORKDIR /project
VOLUME /state
HEALTHCHECK --interval=10s --timeout=30s --start-period=120s CMD ["harness", "status"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["harness"]
CMD ["up", "--foreground"]
