"""A member of a group of the next-generation protocol (KIP-848): prints what it owns and reads, commits each record.

Arguments: bootstrap group topic-or-^pattern [instance id]
"""

import json
import signal
import sys

from confluent_kafka import Consumer, KafkaError, TopicPartition

bootstrap, group, topic = sys.argv[1:4]
configuration = {
    "bootstrap.servers": bootstrap,
    "group.id": group,
    "group.protocol": "consumer",
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
}
if len(sys.argv) > 4:
    configuration["group.instance.id"] = sys.argv[4]
consumer = Consumer(configuration)
owned: set[tuple[str, int]] = set()
running = True


def say(**report: object) -> None:
    print(json.dumps(report), flush=True)


def tell() -> None:
    say(assigned=sorted(partition for _, partition in owned), topics=sorted({name for name, _ in owned}))


def stop(*_: object) -> None:
    global running
    running = False


def gained(_: Consumer, partitions: list[TopicPartition]) -> None:
    consumer.incremental_assign(partitions)
    owned.update((partition.topic, partition.partition) for partition in partitions)
    tell()


def lost(_: Consumer, partitions: list[TopicPartition]) -> None:
    consumer.incremental_unassign(partitions)
    owned.difference_update((partition.topic, partition.partition) for partition in partitions)
    tell()


signal.signal(signal.SIGTERM, stop)
consumer.subscribe([topic], on_assign=gained, on_revoke=lost, on_lost=lost)
while running:
    message = consumer.poll(0.2)
    if message is None:
        continue
    if message.error():
        if message.error().code() != KafkaError._PARTITION_EOF:
            print("error", message.error(), flush=True)
        continue
    say(topic=message.topic(), partition=message.partition(), offset=message.offset(),
        value=message.value().decode())
    consumer.commit(message, asynchronous=True)
consumer.close()
