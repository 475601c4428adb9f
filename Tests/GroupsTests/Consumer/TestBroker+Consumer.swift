import Groups
import KafkaWire
import Testing

extension TestBroker {
    /// Makes a topic, or lets one grow; 0 partitions delete it. Ids follow from names and a salt.
    func topic(_ name: String, partitions: Int32, salt: UInt64 = 0, isInternal: Bool = false) {
        let topic = GroupTopics.Topic(
            id: Self.topicID(name, salt: salt), partitions: partitions, isInternal: isInternal)
        perform(coordinator.topicChanged(name, partitions == 0 ? nil : topic, now: now))
    }

    static func topicID(_ name: String, salt: UInt64 = 0) -> KafkaUUID {
        KafkaUUID(high: name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) }, low: 1 + salt)
    }

    /// One heartbeat; its reply, if there is one by then.
    @discardableResult
    func beat(_ input: ConsumerHeartbeatInput) -> ConsumerHeartbeatReply? {
        perform(coordinator.consumerHeartbeat(input, now: now))
        return beaten(input.ticket)
    }

    func beaten(_ ticket: RequestTicket) -> ConsumerHeartbeatReply? {
        if case .consumerHeartbeat(let reply)? = replies[ticket] { reply } else { nil }
    }

    func consumer(_ group: String = "g") -> ConsumerGroup? { coordinator.consumerGroup(group)?.group }
}

/// A member as a client runs it: says what it holds, takes what it is given, gives up what it has to.
struct TestConsumer {
    var memberID: String
    var instanceID: String?
    var topics: [String]? = ["t"]
    var regex: String?
    var assignor: String?
    var epoch: Int32 = 0
    var held = AssignedPartitions()
    var group = "g"
    private(set) var lastError = ErrorCode.none
    private(set) var lastMessage: String?

    init(
        _ memberID: String, instance: String? = nil, topics: [String]? = ["t"], regex: String? = nil,
        assignor: String? = nil
    ) {
        self.memberID = memberID
        instanceID = instance
        self.topics = topics
        self.regex = regex
        self.assignor = assignor
    }

    /// The partitions of one topic that it holds.
    func partitions(_ topic: String = "t") -> [Int32] {
        held.all.filter { $0.topicID == TestBroker.topicID(topic) }.map(\.partition)
    }

    func request(_ broker: TestBroker, isFull: Bool = true) -> ConsumerHeartbeatInput {
        ConsumerHeartbeatInput(
            ticket: broker.ticket(), groupID: group, memberID: memberID, memberEpoch: epoch, instanceID: instanceID,
            rebalanceTimeout: isFull || epoch == 0 ? .seconds(60) : nil,
            topicNames: isFull || epoch == 0 ? topics : nil, topicRegex: isFull || epoch == 0 ? regex : nil,
            serverAssignor: assignor, owned: isFull || epoch == 0 ? held : nil, clientID: "client",
            clientHost: "/127.0.0.1")
    }

    /// Takes what the coordinator says.
    mutating func take(_ reply: ConsumerHeartbeatReply) {
        lastError = reply.errorCode
        lastMessage = reply.errorMessage
        switch reply.errorCode {
        case .none:
            epoch = reply.memberEpoch
            if let assignment = reply.assignment { held = assignment }
        case .fencedMemberEpoch, .unknownMemberId:
            epoch = 0
            held = AssignedPartitions()
        default:
            break
        }
    }

    mutating func beat(_ broker: TestBroker, isFull: Bool = true) {
        if let reply = broker.beat(request(broker, isFull: isFull)) { take(reply) }
    }

    /// Leaves for good, or for a while.
    mutating func leave(_ broker: TestBroker, forAWhile: Bool = false) {
        var input = request(broker, isFull: false)
        input.memberEpoch = forAWhile ? -2 : -1
        if let reply = broker.beat(input) {
            lastError = reply.errorCode
            if reply.errorCode == .none {
                epoch = 0
                held = AssignedPartitions()
            }
        }
    }
}

extension [TestConsumer] {
    /// Lets everyone beat a few times, so that what can settle has settled.
    mutating func settle(_ broker: TestBroker, rounds: Int = 6) {
        for _ in 0..<rounds {
            for index in indices { self[index].beat(broker) }
        }
    }
}
