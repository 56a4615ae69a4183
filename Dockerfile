# syntax=docker/dockerfile:1
# One image for everything that runs: the HTTP service (the default), the Kafka worker, the web app, and the
# scheduled retrain and monitor. Which of them is the first word of the command.
#
#   docker build -t buysignal .
#   docker run -p 8000:8000 -v ./models/demo:/models/bundle:ro buysignal
#   docker run -p 8501:8501 buysignal app --no-browser

ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS packages
WORKDIR /build
COPY requirements-serve.txt .
# Every package by its hash; what is missing from the lock is not installed. pip is not needed to run.
RUN python -m venv /opt/buysignal \
 && /opt/buysignal/bin/pip install --no-cache-dir --require-hashes -r requirements-serve.txt \
 && /opt/buysignal/bin/pip uninstall --yes pip setuptools

FROM python:${PYTHON}-slim-bookworm
LABEL org.opencontainers.image.title="buysignal" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --create-home buysignal \
 && install -d -o buysignal -g buysignal /models /data /var/cache/buysignal
COPY --from=packages /opt/buysignal /opt/buysignal
COPY src /app/src
# What is compiled at the first score is kept in the cache; give it a volume and it is there after a restart.
ENV PATH=/opt/buysignal/bin:$PATH \
    PYTHONPATH=/app/src \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/var/cache/buysignal
USER 10001:10001
WORKDIR /data
# All that is written where the root of the file system is read-only. Said here, so that a new volume put in one of
# these places belongs to the user above, on Fargate, too.
VOLUME ["/tmp", "/home/buysignal", "/var/cache/buysignal"]
EXPOSE 8000
# Asks whether the process answers. /readyz would also tell of a Redis that is away, which a restart does not mend.
HEALTHCHECK --interval=10s --timeout=3s --start-period=90s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["python", "-m", "buysignal"]
CMD ["serve", "/models/bundle", "--host", "0.0.0.0"]
