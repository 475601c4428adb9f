import KafkaWire
import Testing

@testable import KafkaClient

@Suite("TopicRoutes")
struct TopicRoutesTests {
    @Test("the number of partitions is asked for once per version of the metadata")
    func versions() throws {
        var routes = TopicRoutes(stickyBytes: 100)
        var asked = 0
        func find(_ topic: String, _ version: Int, _ count: Int?) -> Int? {
            routes.find(topic, version: version) {
                asked += 1
                return count
            }
        }
        #expect(find("a", 1, nil) == nil, "an unknown topic has no route")
        let first = try #require(find("a", 1, 2))
        let other = try #require(find("b", 1, 5))
        #expect(find("a", 1, 9) == first)
        #expect(find("b", 1, 9) == other)
        #expect(asked == 3)
        #expect(routes[first].partitionCount == 2)
        #expect(find("a", 2, 4) == first)
        #expect(routes[first].partitionCount == 4)
        #expect(find("a", 3, nil) == nil, "the topic is gone")
    }

    @Test("each partition has its queue for good")
    func queues() throws {
        var routes = TopicRoutes(stickyBytes: 100)
        let route = try #require(routes.find("a", version: 1) { 8 })
        for partition in [3, 0, 7] as [Int32] {
            #expect(routes.queue(of: route, partition: partition) == nil)
            routes.setQueue(of: route, partition: partition, 10 + Int(partition))
        }
        #expect((0..<8).map { routes.queue(of: route, partition: $0) } == [10, nil, nil, 13, nil, nil, nil, 17])
        #expect(routes.last("a", version: 1) == route)
        #expect(routes.last("a", version: 2) == nil)
        #expect(routes.last("b", version: 1) == nil)
    }
}
