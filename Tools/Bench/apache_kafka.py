"""What Apache Kafka 3.9 showed on a machine like ours: two cores, one node, one partition, acks=1, through kcat."""

FIGURES = {
    "small.produce.records_per_second": 1.8e6,
    "small.consume.records_per_second": 3.0e6,
    "large.produce.megabytes_per_second": 180,
    "large.consume.megabytes_per_second": 1600,
    # From 1 KiB to 100 B records.
    "large.produce.broker_cpu_seconds_per_gigabyte": 4.7,
    "small.produce.broker_cpu_seconds_per_gigabyte": 5.4,
    "large.consume.broker_cpu_seconds_per_gigabyte": 0.4,
    "small.consume.broker_cpu_seconds_per_gigabyte": 0.9,
    "latency.p50_seconds": 0.00025,
    "latency.p99_seconds": 0.005,
    "large.resident_bytes": 890e6,
    "start.median_seconds": 2.3,
}
