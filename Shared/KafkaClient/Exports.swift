// What users of the client name in their own code: `TopicPartition`, `Offset`, `ErrorCode`, `RecordHeader`,
// `Compression`. With these re-exported, `import KafkaClient` is enough.
@_exported import KafkaRecords
@_exported import KafkaWire
