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

# A learner's JupyterLab, for a hub with containers (docs/hub.md): docker build --target learner -t statelab-learner:0.1.0 .
# As the packages, it holds no answers and no hidden checks.
FROM build AS for-learners
RUN /opt/statelab/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt '.[hub,kubectl]'

FROM python:${PYTHON}-slim AS learner
LABEL org.opencontainers.image.title="StateLab for a learner" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=for-learners /opt/statelab /opt/statelab
# nbgrader takes the hub's name of a user called jovyan, and nobody else's.
RUN useradd --create-home --uid 1000 jovyan
ENV PATH=/opt/statelab/bin:$PATH
USER jovyan
WORKDIR /home/jovyan
CMD ["python", "-m", "statelab.hub.start", "statelab"]

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
