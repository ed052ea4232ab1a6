"""Where a consumer stands in logs that may have been lost behind its back.

A broker that lost its disks begins every log anew, while the offset of a longer one can still be
committed to it. Apache Kafka calls a position beyond the end of a log out of range, and the
consumer begins anew; a broker that answers it with silence would have us wait until the log is as
long as the lost one was, and pass over all that is written until then.
"""

from __future__ import annotations

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

log = structlog.get_logger(__name__)


class Positions:
    """Finds positions beyond the end of their log, and returns them to its start.

    A broker may tell an end that is too small just after a batch, so that only what is found twice
    counts. What is read again by mistake is a repetition, and those have no effect.
    """

    def __init__(self) -> None:
        self._suspected: dict[TopicPartition, int] = {}

    async def check(self, kafka: AIOKafkaConsumer) -> None:
        """Look at every partition that is ours; call it now and then.

        Raises:
            IllegalStateError: when a partition was taken from us meanwhile.
            KafkaError: when the broker is away.
        """
        beyond: dict[TopicPartition, int] = {}
        for partition in kafka.assignment():
            # What one look waited for may have come with another assignment.
            end = kafka.highwater(partition) if partition in kafka.assignment() else None
            # The end is told by the first answer to a fetch, so that there is a position by then.
            if end is not None and (position := await kafka.position(partition)) > end:
                beyond[partition] = position
        for partition in [one for one, position in beyond.items() if self._suspected.get(one) == position]:
            position = beyond.pop(partition)
            log.warning(
                "kafka.log_lost", topic=partition.topic, partition=partition.partition, position=position
            )
            await kafka.seek_to_beginning(partition)
        self._suspected = beyond
