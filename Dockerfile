# Three images from one file:
#   docker build --target service     -t modelpress-service     .
#   docker build --target worker      -t modelpress-worker      .
#   docker build --target worker-cuda -t modelpress-worker-cuda .    the same for GPUs; runs with `--gpus all`
# The worker's image also runs the janitor (… python -m jobs.janitor), the courier (… jobs.courier) and the collector
# (… jobs.collector), the service's what makes a bucket and tries the store (… jobs.bucket).
# Where pip's index serves CUDA builds of torch and CPU ones are wanted, or the other way round, name an index of those:
#   --build-arg PIP_EXTRA_INDEX_URL=…
#   --build-arg CUDA_INDEX_URL=…

FROM python:3.11.14-slim-bookworm AS python
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1
WORKDIR /app

FROM python AS dependencies
ARG PIP_EXTRA_INDEX_URL=
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=
RUN python -m venv /opt/venv
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN pip install --constraint constraints.txt .

FROM dependencies AS service-dependencies
RUN pip install --constraint constraints.txt '.[service]'

FROM dependencies AS worker-dependencies
RUN pip install --constraint constraints.txt '.[worker]'

FROM dependencies AS worker-cuda-dependencies
ARG CUDA_INDEX_URL=
RUN pip install --constraint constraints.txt ${CUDA_INDEX_URL:+--extra-index-url "$CUDA_INDEX_URL"} '.[worker]' && \
    python -c "import torch; assert torch.version.cuda, f'{torch.__version__} is not for GPUs: name an index in CUDA_INDEX_URL.'"

FROM python AS nobody-special
RUN useradd --system --uid 10001 --create-home modelpress && install --directory --owner=10001 /scratch /scratch/modelpress-locks-10001
USER 10001

FROM nobody-special AS service
COPY --from=service-dependencies /opt/venv /opt/venv
COPY jobs/__init__.py jobs/bucket.py jobs/
COPY jobs/contract jobs/contract
COPY jobs/state jobs/state
COPY jobs/landscape jobs/landscape
COPY jobs/telemetry jobs/telemetry
COPY service service
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/livez', timeout=4)"]
CMD ["gunicorn", "service.wsgi:app", "--config", "python:service.serving", "--bind", "0.0.0.0:8000", "--workers", "2", "--worker-tmp-dir", "/dev/shm", "--no-control-socket"]

FROM nobody-special AS any-worker
COPY jobs jobs
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["python", "-m", "jobs.pulse", "worker"]
CMD ["python", "-m", "jobs.worker"]

FROM any-worker AS worker
COPY --from=worker-dependencies --link /opt/venv /opt/venv

FROM any-worker AS worker-cuda
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=worker-cuda-dependencies --link /opt/venv /opt/venv
