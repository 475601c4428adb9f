"""A member of a consumer group with kafka-python: prints what it owns and what it reads, commits each poll."""

import json
import signal
import sys

from kafka import ConsumerRebalanceListener, KafkaConsumer
from kafka.errors import CommitFailedError

bootstrap, group, topic, session_timeout = sys.argv[1:5]
running = True


def say(**report: object) -> None:
    print(json.dumps(report), flush=True)


def stop(*_: object) -> None:
    global running
    running = False


class Tell(ConsumerRebalanceListener):
    def on_partitions_revoked(self, revoked) -> None:
        say(assigned=[])

    def on_partitions_assigned(self, assigned) -> None:
        say(assigned=[partition.partition for partition in assigned])


signal.signal(signal.SIGTERM, stop)
consumer = KafkaConsumer(
    bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False,
    session_timeout_ms=int(session_timeout), heartbeat_interval_ms=500)
consumer.subscribe([topic], listener=Tell())
while running:
    batches = consumer.poll(timeout_ms=200)
    for partition, records in batches.items():
        for record in records:
            say(partition=partition.partition, offset=record.offset, value=record.value.decode())
    if batches:
        try:
            consumer.commit()
        except CommitFailedError as error:
            # The group moved on without us: whoever owns the partitions now reads the records again.
            print("commit refused:", error, flush=True)
consumer.close()
