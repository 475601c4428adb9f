import KafkaMessages
import KafkaWire
import TestSupport
import Testing

@testable import BrokerServer

@Suite("Configurations of a group", .timeLimit(.minutes(5)))
struct GroupSettingTests {
    @Test("a group's heartbeat interval and session timeout go over the broker's, from the next heartbeat on")
    func timing() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            for group in ["g", "other"] {
                _ = try await connection.call(FindCoordinatorRequest(key: group), version: 0)
            }
            func set(_ name: String, _ value: String) async throws -> ErrorCode? {
                let resource = IncrementalAlterConfigsRequest.AlterConfigsResource(
                    resourceType: 32, resourceName: "g",
                    configs: [.init(name: name, configOperation: 0, value: value)])
                let response = try await connection.call(IncrementalAlterConfigsRequest(resources: [resource]))
                return response.responses.first?.errorCode
            }
            var epoch: Int32 = 0
            func heartbeat(group: String = "g") async throws -> ConsumerGroupHeartbeatResponse {
                let response = try await connection.call(
                    ConsumerGroupHeartbeatRequest(
                        groupId: group, memberId: "m", memberEpoch: group == "g" ? epoch : 0,
                        rebalanceTimeoutMs: epoch == 0 || group != "g" ? 60_000 : -1,
                        subscribedTopicNames: epoch == 0 || group != "g" ? ["t"] : nil,
                        topicPartitions: epoch == 0 || group != "g" ? [] : nil))
                if group == "g" { epoch = response.memberEpoch }
                return response
            }
            let first = try await heartbeat()
            #expect(first.errorCode == .none && first.heartbeatIntervalMs == 5000)
            #expect(try await set("consumer.heartbeat.interval.ms", "6000") == ErrorCode.none)
            #expect(try await set("consumer.session.timeout.ms", "50") == ErrorCode.none)
            #expect(try await heartbeat().heartbeatIntervalMs == 6000)
            #expect(try await heartbeat(group: "other").heartbeatIntervalMs == 5000)
            try await eventually("the silent member is removed") {
                let described = try await connection.call(ConsumerGroupDescribeRequest(groupIds: ["g"]))
                return described.groups.first?.members.isEmpty == true
            }
        }
    }
}
