# syntax=docker/dockerfile:1
# The grader as an image, for `grader run --on-cluster` (docs/grading-on-kind.md):
#
#     docker build -t statelab-grader:0.1.0 .
#     kind load docker-image statelab-grader:0.1.0 --name statelab
#
# It holds the packages and nothing that is secret: hidden checks and submissions come with each run, on its volume.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
WORKDIR /src
RUN python -m venv /opt/statelab
# The dependencies first, exactly those the tests ran with: a change of ours does not install them again.
COPY pyproject.toml constraints.txt README.md LICENSE CHANGELOG.md kind-config.yaml ./
COPY statelab/version.py statelab/version.py
RUN mkdir -p grader course exercises && touch statelab/__init__.py grader/__init__.py course/.keep exercises/.keep \
    && /opt/statelab/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt . \
    && /opt/statelab/bin/pip uninstall --yes statelab
COPY statelab statelab
COPY grader grader
COPY course course
COPY exercises exercises
RUN /opt/statelab/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps . \
    && /opt/statelab/bin/python -m compileall -q /opt/statelab/lib

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="StateLab's grader" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/statelab /opt/statelab
# The root file system is read-only in the Job: what is cached goes to /tmp.
ENV PATH=/opt/statelab/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp
# The user of grader/oncluster/manifests.py, who owns nothing here.
USER 10001:10001
WORKDIR /
CMD ["python", "-m", "grader.oncluster", "--help"]
