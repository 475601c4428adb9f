"""A member of a consumer group with confluent-kafka: prints what it owns and what it reads, commits each record."""

import json
import signal
import sys

from confluent_kafka import Consumer, KafkaError

bootstrap, group, topic, session_timeout = sys.argv[1:5]
consumer = Consumer({
    "bootstrap.servers": bootstrap,
    "group.id": group,
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
    "session.timeout.ms": int(session_timeout),
    "heartbeat.interval.ms": 500,
})
running = True


def say(**report: object) -> None:
    print(json.dumps(report), flush=True)


def stop(*_: object) -> None:
    global running
    running = False


def owned(_: Consumer, partitions: list) -> None:
    say(assigned=[partition.partition for partition in partitions])


signal.signal(signal.SIGTERM, stop)
consumer.subscribe([topic], on_assign=owned, on_revoke=lambda *_: say(assigned=[]))
while running:
    message = consumer.poll(0.2)
    if message is None:
        continue
    if message.error():
        if message.error().code() != KafkaError._PARTITION_EOF:
            print("error", message.error(), flush=True)
        continue
    say(partition=message.partition(), offset=message.offset(), value=message.value().decode())
    consumer.commit(message, asynchronous=True)
consumer.close()
