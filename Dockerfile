# A BIDS App: docker run --rm --read-only --tmpfs /tmp -u "$(id -u):$(id -g)" ... ; see docs/how-to/containers.md
FROM python:3.13-slim-trixie AS build
WORKDIR /src
COPY pyproject.toml setup.cfg README.md LICENSE ./
COPY nipype_mapsmasker ./nipype_mapsmasker
COPY workflows ./workflows
# An environment of its own, so that one folder is all that the second stage takes.
RUN python -m venv /opt/mapsmasker && \
    /opt/mapsmasker/bin/pip install --no-cache-dir ".[parquet,yaml]" && \
    /opt/mapsmasker/bin/python -m compileall -q /opt/mapsmasker/lib

FROM python:3.13-slim-trixie
LABEL org.opencontainers.image.title="nipype_mapsmasker" \
      org.opencontainers.image.description="Region time series from overlapping brain maps, for whole cohorts" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/mapsmasker /opt/mapsmasker
# Whoever runs it has neither a name nor a home here, and / may be read-only: what libraries keep
# for themselves goes to /tmp.
ENV PATH=/opt/mapsmasker/bin:$PATH \
    HOME=/tmp \
    USER=mapsmasker \
    NIPYPE_CONFIG_DIR=/tmp/nipype \
    MPLCONFIGDIR=/tmp/matplotlib \
    MPLBACKEND=Agg \
    NIPYPE_NO_ET=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONNOUSERSITE=1
WORKDIR /tmp
USER 65534:65534
ENTRYPOINT ["mapsmasker"]
CMD ["--help"]
