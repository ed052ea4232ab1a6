"""Requests come over the broker, decisions go out again."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka import ConsumerRecord

from onenet_common.connection import CType
from onenet_common.envelope import Message, decode
from onenet_common.events import ConnectionEvaluated, ConnectionPathRefused, ConnectionRejected
from onenet_common.producer import Outgoing, Producer
from onenet_evaluator.handlers import HANDLED, evaluating
from onenet_evaluator.paths import read
from tests.integration.bus_scene import Topic
from tests.samples import LEFT, deletion_requested, requested, wish


class Answers(Producer):
    """Sends decisions to the topic that a test reads, whatever topic they are for."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    async def send(self, records: Sequence[Outgoing]) -> None:
        await self._producer.send(
            [Outgoing(self._topic, record.key, record.value, record.headers) for record in records]
        )


def answer(record: ConsumerRecord) -> Message:
    message = decode(record.value, record.headers)
    assert message is not None
    return message


async def test_requests_are_answered_in_order_and_a_repeat_is_the_same_answer(
    topic: Topic, producer: Producer, answers: Topic
) -> None:
    good, same = requested(wish()), requested(wish(right=LEFT))
    asked = wish()
    refused = Message.of(
        ConnectionPathRefused(
            connection_id=asked.id, generation=1, wish=asked, ctype=CType.AWS_PEERING, reason="quota reached"
        )
    )
    sent = [good, same, deletion_requested(wish()), refused, good]
    await producer.send([topic.outgoing(message) for message in sent])
    decide = evaluating(read(), Answers(producer, answers.name))
    async with topic.consumed(decide, producer, HANDLED):
        found = [answer(record) for record in await answers.records(4)]

    assert [type(message.event) for message in found] == [
        ConnectionEvaluated,
        ConnectionRejected,
        ConnectionRejected,
        ConnectionEvaluated,
    ]
    assert found[0].id == found[3].id
    assert found[2].event.model_dump()["reasons"] == ("AWS_PEERING: quota reached",)
    assert found[0].event.key == good.event.key
