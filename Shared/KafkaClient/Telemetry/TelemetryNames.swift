/// Every name of a metric, span or attribute that the client emits. Units are part of a metric's name.
enum TelemetryNames {
    static let producedRecords = "kafka_client_produce_records_total"
    static let producedBytes = "kafka_client_produce_bytes_total"
    static let produceRequestDuration = "kafka_client_produce_request_duration_seconds"
    static let produceErrors = "kafka_client_produce_errors_total"
    static let produceRetries = "kafka_client_produce_retries_total"
    static let produceBufferedBytes = "kafka_client_produce_buffered_bytes"
    static let consumedRecords = "kafka_client_consume_records_total"
    static let consumedBytes = "kafka_client_consume_bytes_total"
    static let fetchRequestDuration = "kafka_client_fetch_request_duration_seconds"
    static let consumeErrors = "kafka_client_consume_errors_total"
    static let consumerLag = "kafka_client_consumer_lag_records"
    static let rebalances = "kafka_client_consumer_rebalances_total"
    static let commits = "kafka_client_consumer_commits_total"

    /// Attributes of OpenTelemetry's messaging conventions.
    enum Attribute {
        static let system = "messaging.system"
        static let operationName = "messaging.operation.name"
        static let operationType = "messaging.operation.type"
        static let destination = "messaging.destination.name"
        static let partition = "messaging.destination.partition.id"
        static let consumerGroup = "messaging.consumer.group.name"
        static let offset = "messaging.kafka.offset"
        static let batchCount = "messaging.batch.message_count"
        static let clientID = "messaging.client.id"
        static let errorType = "error.type"
    }
}
