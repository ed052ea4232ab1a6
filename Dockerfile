# One image for all of OneNet: `docker run onenet onenet-api`, `onenet-evaluator`, …
FROM python:3.11.14-slim-bookworm AS build
# `aws` leaves out the simulated cloud, which production does not need.
ARG EXTRAS=simulated
RUN python3 -m venv /opt/onenet
WORKDIR /source
# Dependencies alone, in a layer that is kept while only OneNet's own code changes.
COPY pyproject.toml constraints.txt README.md ./
RUN /opt/onenet/bin/pip install --no-cache-dir --constraint constraints.txt ".[$EXTRAS]"
COPY libs libs
COPY services services
COPY deploy/local deploy/local
RUN /opt/onenet/bin/pip install --no-cache-dir --no-deps --force-reinstall .

FROM python:3.11.14-slim-bookworm
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin onenet
COPY --from=build /opt/onenet /opt/onenet
# Nothing is written but in /tmp: the root file system may be read-only.
ENV PATH=/opt/onenet/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ONENET_API_HOST=0.0.0.0 \
    ONENET_OPS_HOST=0.0.0.0 \
    ONENET_OPS_PORT=9464
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python3", "-m", "onenet_common.healthcheck"]
CMD ["onenet-api"]
