"""What the Python tests and the benchmark share: processes, ports, a broker, raw Kafka frames, made records."""
