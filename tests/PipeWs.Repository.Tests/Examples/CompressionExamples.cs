using Microsoft.Extensions.DependencyInjection;
using PipeWs.Client;
using PipeWs.Server;

namespace PipeWs.Repository.Tests.Examples;

/// <summary>The README's examples of compression.</summary>
internal static class CompressionExamples
{
    internal static void On(IServiceCollection services)
    {
        services.AddPipeWs().UseCompression();
    }

    internal static async Task Choose(IWsConnection connection, IWsRoom room, byte[] image, byte[] token, byte[] price)
    {
        var asItIs = new WsSendOptions(NeverCompress: true);
        await connection.SendAsync(image, WsMessageType.Binary, asItIs);
        await connection.SendAsync(WsPreparedMessage.Text(token, asItIs));
        room.Publish(price, new WsPublishOptions(NeverCompress: true));
    }

    internal static async Task Client()
    {
        await using var client = await new WsClientBuilder("wss://example.com/ws").WithCompression().StartAsync();
        bool agreed = client.Connection!.IsCompressed;
        _ = agreed;
    }
}
