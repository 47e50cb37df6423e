using System.Globalization;

namespace PipeWs.Server;

/// <summary>When a changed option takes effect.</summary>
internal enum OptionEffect
{
    /// <summary>At once.</summary>
    AtOnce,

    /// <summary>For connections that are opened from then on.</summary>
    NewConnections,

    /// <summary>For rooms that come into being from then on.</summary>
    NewRooms,

    /// <summary>When the application starts again.</summary>
    Restart,
}

/// <summary>The keys of a hub's section: what a configuration may name, and what becomes of a change. Written out, since nothing here looks at types by reflection.</summary>
internal static class OptionKeys
{
    /// <summary>The section of named hubs within the default hub's.</summary>
    public const string Hubs = "Hubs";

    /// <summary>Turns compression on or off, beside its options; itself no option.</summary>
    public const string Enabled = "Enabled";

    /// <summary>All keys, and how to read each.</summary>
    public static IReadOnlyList<OptionKey> All { get; } =
    [
        new("MaxConnections", OptionEffect.AtOnce, static o => Text(o.MaxConnections)),
        new("MaxConnectionsPerAddress", OptionEffect.AtOnce, static o => Text(o.MaxConnectionsPerAddress)),
        new("AddressPrefixLengthIPv6", OptionEffect.AtOnce, static o => Text(o.AddressPrefixLengthIPv6)),
        new("MaxConnectionsPerUser", OptionEffect.AtOnce, static o => Text(o.MaxConnectionsPerUser)),
        new("MaxRooms", OptionEffect.AtOnce, static o => Text(o.MaxRooms)),
        new("MaxRoomsPerConnection", OptionEffect.AtOnce, static o => Text(o.MaxRoomsPerConnection)),
        new("MaxMetadataPerConnection", OptionEffect.AtOnce, static o => Text(o.MaxMetadataPerConnection)),
        new("ReplayBytesPerSecond", OptionEffect.AtOnce, static o => Text(o.ReplayBytesPerSecond)),
        new("ReplayBurstBytes", OptionEffect.AtOnce, static o => Text(o.ReplayBurstBytes)),
        new("AllowedOrigins", OptionEffect.AtOnce, static o => string.Join(' ', o.AllowedOrigins)),
        new("AllowsAnyOrigin", OptionEffect.AtOnce, static o => Text(o.AllowsAnyOrigin)),
        new("Subprotocols", OptionEffect.AtOnce, static o => string.Join(' ', o.Subprotocols)),
        new("HandshakeTimeout", OptionEffect.AtOnce, static o => Text(o.HandshakeTimeout)),
        new("ShutdownTimeout", OptionEffect.AtOnce, static o => Text(o.ShutdownTimeout)),
        new("MaxMessageBytes", OptionEffect.NewConnections, static o => Text(o.MaxMessageBytes)),
        new("MaxEmptyFragments", OptionEffect.NewConnections, static o => Text(o.MaxEmptyFragments)),
        new("PingInterval", OptionEffect.NewConnections, static o => Text(o.PingInterval)),
        new("PongTimeout", OptionEffect.NewConnections, static o => Text(o.PongTimeout)),
        new("CloseTimeout", OptionEffect.NewConnections, static o => Text(o.CloseTimeout)),
        new("FrameTimeout", OptionEffect.NewConnections, static o => Text(o.FrameTimeout)),
        new("SendTimeout", OptionEffect.NewConnections, static o => Text(o.SendTimeout)),
        new("IdleTimeout", OptionEffect.NewConnections, static o => Text(o.IdleTimeout)),
        new("MaxPendingBytes", OptionEffect.NewConnections, static o => Text(o.MaxPendingBytes)),
        new("SendBacklogBytes", OptionEffect.NewConnections, static o => Text(o.SendBacklogBytes)),
        new("InboundMessagesPerSecond", OptionEffect.NewConnections, static o => Text(o.InboundMessagesPerSecond)),
        new("InboundMessageBurst", OptionEffect.NewConnections, static o => Text(o.InboundMessageBurst)),
        new("InboundBytesPerSecond", OptionEffect.NewConnections, static o => Text(o.InboundBytesPerSecond)),
        new("InboundByteBurst", OptionEffect.NewConnections, static o => Text(o.InboundByteBurst)),
        new("InboundRatePolicy", OptionEffect.NewConnections, static o => Text(o.InboundRatePolicy)),
        new("TraceMessages", OptionEffect.NewConnections, static o => Text(o.TraceMessages)),
        new("SendDirectly", OptionEffect.NewConnections, static o => Text(o.SendDirectly)),
        new($"Compression:{Enabled}", OptionEffect.NewConnections, static o => Text(o.Compression is not null)),
        new("Compression:ServerMaxWindowBits", OptionEffect.NewConnections, static o => Text(o.Compression?.ServerMaxWindowBits)),
        new("Compression:ServerMinWindowBits", OptionEffect.NewConnections, static o => Text(o.Compression?.ServerMinWindowBits)),
        new("Compression:ClientMaxWindowBits", OptionEffect.NewConnections, static o => Text(o.Compression?.ClientMaxWindowBits)),
        new("Compression:ServerContextTakeover", OptionEffect.NewConnections, static o => Text(o.Compression?.ServerContextTakeover)),
        new("Compression:ClientContextTakeover", OptionEffect.NewConnections, static o => Text(o.Compression?.ClientContextTakeover)),
        new("Compression:Level", OptionEffect.NewConnections, static o => Text(o.Compression?.Level)),
        new("Compression:ThresholdBytes", OptionEffect.NewConnections, static o => Text(o.Compression?.ThresholdBytes)),
        new("Rooms:HistoryMessages", OptionEffect.NewRooms, static o => Text(o.Rooms.HistoryMessages)),
        new("Rooms:MaxLogBytes", OptionEffect.NewRooms, static o => Text(o.Rooms.MaxLogBytes)),
        new("Rooms:HistoryAge", OptionEffect.NewRooms, static o => Text(o.Rooms.HistoryAge)),
        new("Rooms:MaxLagMessages", OptionEffect.NewRooms, static o => Text(o.Rooms.MaxLagMessages)),
        new("Rooms:SlowConsumerPolicy", OptionEffect.NewRooms, static o => Text(o.Rooms.SlowConsumerPolicy)),
        new("Rooms:MaxConflationKeys", OptionEffect.NewRooms, static o => Text(o.Rooms.MaxConflationKeys)),
        new("Rooms:MaxConnectionsPerRoom", OptionEffect.NewRooms, static o => Text(o.Rooms.MaxConnectionsPerRoom)),
        new("Rooms:Acknowledged", OptionEffect.NewRooms, static o => Text(o.Rooms.Acknowledged)),
        new("Rooms:Subscribable", OptionEffect.NewRooms, static o => Text(o.Rooms.Subscribable)),
        new("Rooms:AuthorizationPolicy", OptionEffect.AtOnce, static o => o.Rooms.AuthorizationPolicy ?? ""),
        new("Authentication:Mode", OptionEffect.Restart, static o => Text(o.Authentication.Mode)),
        new("Authentication:Timeout", OptionEffect.Restart, static o => Text(o.Authentication.Timeout)),
        new("Authentication:TokenSources", OptionEffect.Restart, static o => Text(o.Authentication.TokenSources)),
        new("Authentication:TokenParameter", OptionEffect.Restart, static o => o.Authentication.TokenParameter),
        new("DiscriminatorNames", OptionEffect.Restart, static o => string.Join(' ', o.DiscriminatorNames)),
        new("BodyNames", OptionEffect.Restart, static o => string.Join(' ', o.BodyNames)),
        new("HandlerPaths", OptionEffect.Restart, static o => string.Join(' ', o.HandlerPaths)),
        new("LatencyMode", OptionEffect.Restart, static o => Text(o.LatencyMode)),
        new("SendWelcome", OptionEffect.Restart, static o => Text(o.SendWelcome)),
    ];

    /// <summary>The section of a hub.</summary>
    public static string SectionOf(string? hub) => string.IsNullOrEmpty(hub) ? PipeWsOptions.SectionName : $"{PipeWsOptions.SectionName}:{Hubs}:{hub}";

    /// <summary>The known name that a misspelt one is nearest to; null where it is near none.</summary>
    public static string? NearestTo(string name, IEnumerable<string> known)
    {
        string? nearest = null;
        int least = (name.Length / 3) + 1;
        foreach (string candidate in known)
        {
            int distance = Distance(name, candidate);
            if (distance < least)
            {
                (nearest, least) = (candidate, distance);
            }
        }

        return nearest;
    }

    /// <summary>How many characters must be inserted, removed or replaced to make one out of the other, whatever their case.</summary>
    private static int Distance(string one, string other)
    {
        int[] row = [.. Enumerable.Range(0, other.Length + 1)];
        for (int i = 1; i <= one.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= other.Length; j++)
            {
                int above = row[j];
                bool same = char.ToUpperInvariant(one[i - 1]) == char.ToUpperInvariant(other[j - 1]);
                row[j] = Math.Min(same ? diagonal : diagonal + 1, Math.Min(above, row[j - 1]) + 1);
                diagonal = above;
            }
        }

        return row[^1];
    }

    private static string Text<T>(T value) => string.Create(CultureInfo.InvariantCulture, $"{value}");
}

/// <summary>A key of a hub's section.</summary>
/// <param name="Name">The key within the section.</param>
/// <param name="Effect">When a change of it takes effect.</param>
/// <param name="Read">Its value, in words.</param>
internal sealed record OptionKey(string Name, OptionEffect Effect, Func<PipeWsOptions, string> Read);
