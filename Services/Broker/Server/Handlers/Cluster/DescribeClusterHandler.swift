import KafkaMessages
import KafkaWire

/// DescribeCluster (60), versions 0 to 2: the cluster's id, its brokers at the address this client can reach, and the
/// controller.
///
/// Controllers of their own, which version 1 can ask for, are told apart as a broker of Kafka does: there are none
/// behind this address. No gaps.
struct DescribeClusterHandler: APIHandler {
    typealias Request = DescribeClusterRequest

    private enum EndpointType: Int8 {
        case broker = 1
        case controller = 2
    }

    let identity: ClusterIdentity

    func handle(
        _ request: DescribeClusterRequest, _ context: RequestContext
    ) async -> Reply<DescribeClusterResponse> {
        switch EndpointType(rawValue: request.endpointType) {
        case .broker: break
        case .controller:
            return .now(
                DescribeClusterResponse(
                    errorCode: .mismatchedEndpointType,
                    errorMessage: "endpoint type 2 is a controller, and this address is a broker's (1)"))
        case nil:
            return .now(
                DescribeClusterResponse(
                    errorCode: .unsupportedEndpointType,
                    errorMessage: "endpoint type \(request.endpointType) is neither 1 (broker) nor 2 (controller)"))
        }
        var response = DescribeClusterResponse(
            clusterId: identity.clusterID, controllerId: identity.nodeID.rawValue,
            brokers: [
                DescribeClusterResponse.DescribeClusterBroker(
                    brokerId: identity.nodeID.rawValue, host: context.advertised.host,
                    port: Int32(context.advertised.port))
            ])
        if request.includeClusterAuthorizedOperations {
            response.clusterAuthorizedOperations = AuthorizedOperations.cluster
        }
        return .now(response)
    }
}
