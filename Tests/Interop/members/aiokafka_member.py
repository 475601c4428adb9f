"""A member of a consumer group with aiokafka: prints what it owns and what it reads, commits each batch."""

import asyncio
import json
import signal
import sys

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError

bootstrap, group, topic, session_timeout = sys.argv[1:5]


def say(**report: object) -> None:
    print(json.dumps(report), flush=True)


class Tell(ConsumerRebalanceListener):
    async def on_partitions_revoked(self, revoked) -> None:
        say(assigned=[])

    async def on_partitions_assigned(self, assigned) -> None:
        say(assigned=[partition.partition for partition in assigned])


async def main() -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False,
        session_timeout_ms=int(session_timeout), heartbeat_interval_ms=500)
    consumer.subscribe([topic], listener=Tell())
    await consumer.start()
    try:
        while not stopped.is_set():
            batches = await consumer.getmany(timeout_ms=200)
            for partition, records in batches.items():
                for record in records:
                    say(partition=partition.partition, offset=record.offset, value=record.value.decode())
            if batches:
                try:
                    await consumer.commit()
                except CommitFailedError as error:
                    print("commit refused:", error, flush=True)
    finally:
        await consumer.stop()


asyncio.run(main())
