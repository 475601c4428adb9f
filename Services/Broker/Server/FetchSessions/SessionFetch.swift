import KafkaMessages
import KafkaWire
import NIOCore

/// One fetch that goes on with a session: reads what may have changed, waits for more, and tells what did.
struct SessionFetch: Sendable {
    let session: FetchSession
    /// Of the session, for this fetch's answer.
    let epoch: Int32
    /// The bounds of this fetch; it has no partitions of its own.
    let plan: FetchPlan
    let topics: TopicTable

    /// What one pass gave.
    struct Pass: Sendable {
        var readings: [FetchSession.Reading] = []
        var byteCount = 0
        var isComplete = false
    }

    /// Reads what is queued.
    func read() async -> Pass {
        var pass = Pass()
        for work in session.takeWork(topics, epoch: epoch) {
            let data = await plan.read(work.target, taken: pass.byteCount)
            pass.byteCount += data.records?.byteCount ?? 0
            pass.isComplete = pass.isComplete || data.errorCode != .none || data.divergingEpoch.epoch >= 0
            pass.readings.append(FetchSession.Reading(work: work, data: data))
        }
        pass.isComplete = pass.isComplete || pass.byteCount >= plan.minimumBytes
        return pass
    }

    /// Reads again whenever something came, until it is enough or the time is up.
    func readMore(after first: Pass, atMost wait: TimeAmount, on loop: any EventLoop) async -> Pass {
        let deadline = NIODeadline.now() + wait
        var pass = first
        while !pass.isComplete, session.expects(epoch), !Task.isCancelled, NIODeadline.now() < deadline {
            session.putBack(pass.readings, epoch: epoch)
            await session.waitForMore(
                plan.minimumBytes - pass.byteCount, epoch: epoch, atMost: deadline - NIODeadline.now(), on: loop)
            pass = await read()
        }
        return pass
    }

    func response(_ pass: Pass) -> FetchResponse {
        do {
            var response = FetchResponse(sessionId: session.id)
            var places: [TopicKey: Int] = [:]
            for reading in try session.tell(pass.readings, epoch: epoch) {
                let key = TopicKey(name: reading.work.key.topic, id: reading.work.key.topicID)
                let place = places[key] ?? response.responses.count
                if place == response.responses.count {
                    places[key] = place
                    response.responses.append(.init(topic: key.name, topicId: key.id))
                }
                response.responses[place].partitions.append(reading.data)
            }
            return response
        } catch {
            return FetchResponse(errorCode: error.errorCode, sessionId: session.id)
        }
    }

    private struct TopicKey: Hashable {
        let name: String
        let id: KafkaUUID
    }
}
