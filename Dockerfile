# The studio in a container; docs/operations.md says how to start it.
FROM python:3.11-slim

RUN useradd --create-home --uid 1000 studio && mkdir /data && chown studio:studio /data
WORKDIR /studio

# A layer of its own: code changes more often than requirements.
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt

COPY app.py LICENSE README.md ./
COPY app app
COPY lamp lamp
COPY storage storage

USER studio
ENV STUDIO_HOME=/data STUDIO_HOST=0.0.0.0 STUDIO_PORT=7860 HF_HOME=/data/huggingface
VOLUME /data
EXPOSE 7860
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/health/ready', timeout=5)"]
CMD ["python", "app.py"]
