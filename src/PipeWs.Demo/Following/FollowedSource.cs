using System.Text.Json;
using Microsoft.Extensions.Options;
using PipeWs.Client;
using PipeWs.Demo.Desk;
using PipeWs.Demo.Market;

namespace PipeWs.Demo.Following;

/// <summary>A market that is taken from another desk, through this library's client.</summary>
public sealed class FollowedSource : IMarketSource
{
    private readonly Uri _desk;

    private FollowedSource(Uri desk, IReadOnlyList<Symbol> symbols)
    {
        _desk = desk;
        Symbols = symbols;
    }

    /// <inheritdoc/>
    public IReadOnlyList<Symbol> Symbols { get; }

    /// <summary>Asks another desk what it trades.</summary>
    /// <param name="desk">Its socket, <c>ws:</c> or <c>wss:</c>.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <exception cref="IOException">It cannot be reached, or is no desk; the message says why.</exception>
    public static async Task<FollowedSource> AskAsync(Uri desk, CancellationToken cancellationToken = default)
    {
        try
        {
            await using var client = new WsTopicClient(desk);
            await client.StartAsync(cancellationToken);
            using WsTopicMessage answer = await client.WriteAsync(new WsTopicRequest("symbols"), cancellationToken);
            SymbolView[] views = answer.GetData(DeskJson.Default.SymbolViewArray) ?? [];
            return views.Length > 0
                ? new FollowedSource(desk, [.. views.Select(static (view, i) => new Symbol(i, view.Base, view.Quote))])
                : throw new IOException($"The desk at {desk} trades nothing that could be followed.");
        }
        catch (Exception e) when (e is WsDialException or WsTopicException or WsSendException or JsonException or OptionsValidationException)
        {
            throw new IOException($"The desk at {desk} cannot be followed: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public IMarketFeed CreateFeed(IServiceProvider services) => new FollowedFeed(
        _desk, Symbols, services.GetRequiredService<IMarketSink>(), services.GetRequiredService<IOrderBooks>(), services.GetRequiredService<TimeProvider>(),
        services.GetRequiredService<ILoggerFactory>());
}
