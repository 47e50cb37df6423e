using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server.Tests.Support;
using RawPeer = PipeWs.Server.Tests.Support.RawPeer;

namespace PipeWs.Server.Tests.Limits;

/// <summary>The server's own limit on upgraded connections, which every door keeps.</summary>
public sealed class UpgradeLimitTests
{
    public static TheoryData<Door, bool> Doors => HubServer.Doors;

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_handshake_over_it_is_refused_in_words_that_name_it_and_counted_by_its_name(Door door, bool isSecure)
    {
        await using HubServer server = await HubServer.JsonAsync(
            door, isSecure, services: static services => services.Configure<KestrelServerOptions>(static options => options.Limits.MaxConcurrentUpgradedConnections = 1));
        await using RawPeer peer = await server.Server.ConnectAsync();
        await peer.SendAsync(RawPeer.Handshake());
        HttpAnswer answer = await peer.ReadAnswerAsync();

        Assert.Equal(503, answer.StatusCode);
        Assert.Contains("(MaxConcurrentUpgradedConnections)", answer.Body, StringComparison.Ordinal);
        Assert.Equal(1, server.Hub.GetStatistics().Connections.Refused["MaxConcurrentUpgradedConnections"]);
        await server.AssertUndisturbedAsync();
    }
}
