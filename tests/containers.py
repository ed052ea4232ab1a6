"""Runs pytest with Apache Kafka and PostgreSQL in containers: ``python -m tests.containers tests/e2e``.

The images, their settings and their commands are those of docker-compose.yml. The arguments are pytest's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from docker import DockerClient, from_env
from docker.errors import DockerException
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from onenet_local.probes import free_port
from tests.compose import SERVICES

STARTED = r"\[KafkaRaftServer nodeId=\d+\] Kafka Server started"
START_TIMEOUT = 90
"""Seconds for a container to be ready, its image being there."""

UNSAFE = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


def main(arguments: list[str]) -> int:
    """Run it.

    Returns:
        pytest's exit code.
    """
    # It would fetch one more image, and give it Docker's socket, for what a `with` does as well.
    testcontainers_config.ryuk_disabled = True
    _answering_daemon().close()
    with _kafka() as address, _postgres() as url:
        told = {**os.environ, "ONENET_TEST_KAFKA": address, "ONENET_TEST_DATABASE": url}
        return subprocess.run([sys.executable, "-m", "pytest", *arguments], env=told, check=False).returncode


def _answering_daemon() -> DockerClient:
    try:
        return from_env(timeout=10)
    except DockerException as error:
        sys.exit(
            f"No Docker daemon answers ({error}). Start one, or name one with DOCKER_HOST; "
            "`make test-kafka` runs the same tests on Apache Kafka without containers."
        )


@contextmanager
def _kafka() -> Iterator[str]:
    """``host:port``; known before the start, since the broker must tell it to its clients."""
    service, port = SERVICES["kafka"], free_port()
    broker = DockerContainer(service["image"]).with_bind_ports(9094, port)
    address = f"{broker.get_docker_client().host()}:{port}"
    for name, value in service["environment"].items():
        broker.with_env(name, value)
    broker.with_env("KAFKA_ADVERTISED_LISTENERS", f"INSIDE://localhost:9092,OUTSIDE://{address}")
    broker.waiting_for(LogMessageWaitStrategy(STARTED).with_startup_timeout(START_TIMEOUT))
    with broker:
        yield address


@contextmanager
def _postgres() -> Iterator[str]:
    service = SERVICES["postgres"]
    told = service["environment"]
    server = PostgresContainer(
        service["image"],
        username=told["POSTGRES_USER"],
        password=told["POSTGRES_PASSWORD"],
        dbname=told["POSTGRES_DB"],
        driver=None,
    )
    with server.with_command([*service["command"], *UNSAFE]):
        yield server.get_connection_url()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
