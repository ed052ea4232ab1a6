"""Apache Kafka itself: one node in KRaft mode, from its Maven artifacts and with this machine's JDK.

It keeps what it acknowledged, through kill -9 too, and has idempotent producers. Its libraries are
fetched once into a cache; from then on it starts without a network.
"""

from __future__ import annotations

import base64
import hashlib
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from onenet_local.java import check_java, fetch_libraries, find_java
from onenet_local.probes import HOST, free_port, listens
from onenet_local.processes import Command, Process, Program, run
from onenet_local.settings import default_data

POM = Path(__file__).resolve().parents[2] / "kafka" / "pom.xml"

FORMAT_TIMEOUT = 60.0

JVM = (
    "-Xmx512m",
    "-XX:+ExitOnOutOfMemoryError",
    # It starts in half the time than with the compiler and the collector of large servers.
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Dlog4j2.level=WARN",
)

PROPERTIES = {
    "node.id": "1",
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    # There is one node to keep copies, and one machine to keep the many partitions of the defaults.
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # The first member of a group waits for no others.
    "group.initial.rebalance.delay.ms": "0",
    # After kill -9 it must wait until this has passed before it may take its own place again.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}


class ApacheKafka(Process):
    """A broker on the loopback interface; its data survives restarts and kill -9.

    Args:
        folder: where data and log go (``kafka/``, ``logs/broker.log``).
        port: where it listens, also after a restart; a free one by default.

    Raises:
        StartFailed: when Java is missing.
        OSError: when pom.xml is, outside a source tree.
    """

    CLIENTS: ClassVar = {
        # The shortest that Kafka grants unless told otherwise; a dead consumer is missed sooner.
        "ONENET_KAFKA_SESSION_TIMEOUT": "6",
    }
    """What its clients must be told besides its address: the defaults are made for it."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.port = port or free_port()
        self.home = folder.absolute() / "kafka"
        self.libraries = cache(POM)
        self._controller_port = free_port()
        self._java = find_java(os.environ)
        super().__init__(
            Program(
                name="broker",
                command=self._command("kafka.Kafka", str(self._configuration)),
                environment={"LANG": "C.UTF-8"},
                log=folder / "logs" / "broker.log",
                ready=listens(self.port),
            )
        )

    @property
    def address(self) -> str:
        """``host:port`` for Kafka clients."""
        return f"{HOST}:{self.port}"

    @property
    def notices(self) -> Sequence[str]:
        if self.libraries.exists():
            return ()
        return (f"Apache Kafka is fetched with Maven, once, into {self.libraries}",)

    async def prepare(self) -> None:
        """Fetch the libraries once, write down what it is to be, and format its data folder once.

        Raises:
            StartFailed: when the JDK is too old, Maven is missing, or one of them fails.
        """
        await check_java(self._java)
        if not self.libraries.exists():
            await fetch_libraries(POM, self.libraries, self.program.log, os.environ)
        self.home.mkdir(parents=True, exist_ok=True)
        self._configuration.write_text("".join(f"{name}={value}\n" for name, value in self._properties()))
        # The last file that formatting writes.
        if not (self._data / "meta.properties").exists():
            await self._format()

    @property
    def _data(self) -> Path:
        return self.home / "data"

    @property
    def _configuration(self) -> Path:
        return self.home / "server.properties"

    def _command(self, main: str, *arguments: str) -> tuple[str, ...]:
        return (self._java, *JVM, "-cp", f"{self.libraries}/*", main, *arguments)

    def _properties(self) -> list[tuple[str, str]]:
        controller = f"{HOST}:{self._controller_port}"
        return [
            *PROPERTIES.items(),
            ("listeners", f"PLAINTEXT://{self.address},CONTROLLER://{controller}"),
            ("controller.quorum.voters", f"1@{controller}"),
            ("log.dirs", str(self._data)),
        ]

    def _format_options(self) -> Sequence[str]:
        """What else is to be written into a new data folder, such as users."""
        return ()

    async def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        options = ("--ignore-formatted", f"--config={self._configuration}", f"--cluster-id={cluster}")
        await run(
            Command(
                name="kafka-storage",
                command=self._command("kafka.tools.StorageTool", "format", *options, *self._format_options()),
                environment=self.program.environment,
                log=self.program.log,
            ),
            timeout=FORMAT_TIMEOUT,
        )


def cache(pom: Path) -> Path:
    """Where the libraries are that a pom.xml asks for; another one's, such as a newer Kafka's, are elsewhere.

    Raises:
        OSError: when the file is missing.
    """
    return default_data() / f"kafka-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
