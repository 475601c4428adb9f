"""Consumes, transforms and produces with confluent-kafka exactly once, over kills of itself and the broker.

Options as of the worker in Swift (Tests/Support/ExactlyOnceWorker), so that a test can take either.
"""

import argparse
import signal
import sys

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

PATIENCE = 60.0


class NewProducerNeeded(Exception):
    """The producer was fenced, or cannot say what became of its transaction."""


class Worker:
    """One member of the group with one transactional producer at a time."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.running = True
        self.transactions = 0
        self.consumer = Consumer(self.consumer_settings())

    def consumer_settings(self) -> dict:
        options = self.options
        settings = {
            **self.connection(), "group.id": options.group, "group.protocol": options.protocol,
            "isolation.level": "read_committed", "enable.auto.commit": False, "auto.offset.reset": "earliest"}
        if options.protocol == "classic":
            settings |= {"session.timeout.ms": 6000, "heartbeat.interval.ms": 1000}
        if options.instance_id:
            settings["group.instance.id"] = options.instance_id
        return settings

    def connection(self) -> dict:
        return {
            "bootstrap.servers": self.options.bootstrap, "log_level": 0, "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 200,
            # Where the only broker is down, librdkafka 2.16 forgets it and begins with the bootstrap servers again; an
            # offset commit in a transaction that was to go to the forgotten one then waits for ever.
            "metadata.recovery.strategy": "none"}

    def run(self) -> None:
        self.consumer.subscribe([self.options.input])
        try:
            while self.running:
                producer = Producer({
                    **self.connection(), "transactional.id": self.options.transactional_id,
                    "transaction.timeout.ms": 20_000, "linger.ms": 2})
                try:
                    self.retried(lambda: producer.init_transactions(PATIENCE))
                    while self.running:
                        self.step(producer)
                except NewProducerNeeded as reason:
                    print(f"a new producer: {reason}", file=sys.stderr, flush=True)
                    self.rewind()
        finally:
            self.consumer.close()

    def step(self, producer: Producer) -> None:
        messages = self.consumer.consume(self.options.records_per_transaction, timeout=0.2)
        messages = [message for message in messages if not message.error()]
        if not messages:
            return
        self.transactions += 1
        try:
            producer.begin_transaction()
            for message in messages:
                producer.produce(
                    self.options.output, key=message.key(), value=b"done:" + message.value(),
                    headers=message.headers())
                producer.poll(0)
            next_offsets: dict[tuple[str, int], int] = {}
            for message in messages:
                next_offsets[(message.topic(), message.partition())] = message.offset() + 1
            offsets = [TopicPartition(topic, number, offset) for (topic, number), offset in next_offsets.items()]
            self.retried(lambda: producer.send_offsets_to_transaction(
                offsets, self.consumer.consumer_group_metadata(), PATIENCE))
            every = self.options.abort_every
            if every and self.transactions % every == 0:
                self.abort(producer)
                return
            self.retried(lambda: producer.commit_transaction(PATIENCE))
        except KafkaException as failure:
            self.after(failure.args[0], producer)

    def after(self, error: KafkaError, producer: Producer) -> None:
        if error.fatal() or not error.txn_requires_abort():
            raise NewProducerNeeded(str(error))
        self.abort(producer)

    def abort(self, producer: Producer) -> None:
        try:
            self.retried(lambda: producer.abort_transaction(PATIENCE))
        except KafkaException as failure:
            raise NewProducerNeeded(str(failure)) from failure
        self.rewind()

    def retried(self, call) -> None:
        """Calls again while the client says that it may be called again."""
        while True:
            try:
                call()
                return
            except KafkaException as failure:
                if not failure.args[0].retriable() or not self.running:
                    raise

    def rewind(self) -> None:
        """Back to the committed place: what was read since is read again."""
        while self.running:
            assigned = self.consumer.assignment()
            try:
                for place in self.consumer.committed(assigned, timeout=5) if assigned else []:
                    if place.error:
                        raise KafkaException(place.error)
                    start = place.offset if place.offset >= 0 else self.beginning(place)
                    self.consumer.seek(TopicPartition(place.topic, place.partition, start))
                return
            except KafkaException as failure:
                print(f"rewinding: {failure}", file=sys.stderr, flush=True)

    def beginning(self, place: TopicPartition) -> int:
        return self.consumer.get_watermark_offsets(place, timeout=5)[0]


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("bootstrap", "input", "output", "group", "transactional-id"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--protocol", default="classic", choices=["classic", "consumer"])
    parser.add_argument("--instance-id")
    parser.add_argument("--records-per-transaction", type=int, default=100)
    parser.add_argument("--abort-every", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    worker = Worker(options())

    def stop(*_: object) -> None:
        worker.running = False

    signal.signal(signal.SIGTERM, stop)
    worker.run()
