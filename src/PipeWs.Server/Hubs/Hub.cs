using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PipeWs.Messages;
using PipeWs.Server.Diagnostics;
using PipeWs.Server.Hooks;
using PipeWs.Server.Identity;
using PipeWs.Server.Limits;
using PipeWs.Server.Rooms;
using PipeWs.Server.Routing;

namespace PipeWs.Server.Hubs;

/// <summary>One hub: what the doors give their connections to, and what the application sends through.</summary>
internal sealed partial class Hub : IWsHub, IHubEntrance, IBuiltInMessages, IWsHeartbeatItem, IDisposable
{
    private readonly ConcurrentDictionary<string, HubConnection> _connections = new(StringComparer.Ordinal);
    private readonly UserIndex _users = new();
    private readonly IServiceProvider _services;
    private readonly ILogger _logger;
    private readonly ILoggerFactory _loggers;
    private readonly HubRegistration _registration;
    private readonly Shard[] _shards;
    private readonly RouterOptions _routerOptions;
    private readonly RoomRegistry _rooms;
    private readonly Room _everyone;
    private readonly bool _takesJson;
    private readonly bool _speaksJson;

    internal Hub(string name, PipeWsOptions options, HubRegistration registration, WsHeartbeat heartbeat, IServiceProvider services, ILoggerFactory loggers)
    {
        Name = name;
        Options = options;
        Heartbeat = heartbeat;
        ConnectionOptions = options.ToConnectionOptions(CompressionCounters);
        InboundLimits = InboundLimits.Create(options);
        _services = services;
        _logger = loggers.CreateLogger("PipeWs.Server.Hub");
        _loggers = loggers;
        _registration = registration;
        Hooks = new HubHooks(registration, Counters, _logger);
        _shards = new Shard[Environment.ProcessorCount];
        for (int i = 0; i < _shards.Length; i++)
        {
            _shards[i] = new Shard();
        }

        _identity = services.GetKeyedService<HubIdentity>(name) is { IsActive: true } identity ? identity : null;
        _rooms = new RoomRegistry(options.Rooms, registration.RoomRules, _shards, Time);
        ResolveRoomPolicies();
        _everyone = new Room("", new WsRoomOptions { MaxLagMessages = options.Rooms.MaxLagMessages }, _shards, Time);
        All = new EveryoneSender(_everyone);
        _routerOptions = new RouterOptions { Names = EnvelopeNames.Choose(options.DiscriminatorNames.AsReadOnly(), options.BodyNames.AsReadOnly()) };
        Router = CreateRouter(null);
        _takesJson = !registration.TakesRawText;
        _speaksJson = _takesJson && options.SendWelcome;
        BeginDiagnostics();
        heartbeat.Add(this);
    }

    public event Action<WsRoomEvent>? Joined;

    public event Action<WsRoomEvent>? Left;

    public string Name { get; }

    public int ConnectionCount => _connections.Count;

    public IEnumerable<IWsConnection> Connections => _connections.Select(static pair => (IWsConnection)pair.Value);

    public IEnumerable<IWsRoom> Rooms => _rooms.Rooms.Select(room => (IWsRoom)new RoomHandle(this, room.Name));

    public IWsSender All { get; }

    int IWsHeartbeatItem.HeartbeatIndex { get; set; } = -1;

    /// <summary>The options as they are now.</summary>
    internal PipeWsOptions Options { get; private set; }

    /// <summary>What connections that are opened now are made with.</summary>
    internal WsConnectionOptions ConnectionOptions { get; private set; }

    /// <summary>What was compressed for many of its connections at once.</summary>
    internal CompressionCounters CompressionCounters { get; } = new();

    /// <summary>What they may send; null where that is not limited.</summary>
    internal InboundLimits? InboundLimits { get; private set; }

    internal WsHeartbeat Heartbeat { get; }

    internal IServiceProvider Services => _services;

    internal TimeProvider Time => Heartbeat.TimeProvider;

    internal Router Router { get; private set; }

    internal RoomRegistry RoomRegistry => _rooms;

    /// <summary>Whether text messages are JSON.</summary>
    internal bool SpeaksJson => _takesJson;

    public bool TryGetConnection(string id, [NotNullWhen(true)] out IWsConnection? connection)
    {
        bool found = _connections.TryGetValue(id, out HubConnection? open);
        connection = open;
        return found;
    }

    public IWsSender Connection(string id) => _connections.TryGetValue(id, out HubConnection? connection) ? connection : NobodySender.Instance;

    public IWsSender User(string userId) => new UserSender(_users, userId);

    public IReadOnlyList<IWsConnection> UserConnections(string userId) => _users.Find(userId);

    public IWsRoom Room(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!RoomRegistry.IsValidName(name))
        {
            throw new ArgumentException($"A room's name has 1 to {RoomRegistry.MaxNameBytes} bytes of UTF-8.", nameof(name));
        }

        return new RoomHandle(this, name);
    }

    public bool TryGetRoom(string name, [NotNullWhen(true)] out IWsRoom? room)
    {
        room = _rooms.Find(name) is null ? null : new RoomHandle(this, name);
        return room is not null;
    }

    /// <summary>Takes changed options, that are valid: for what is asked each time at once, for the rest with the next connection or room.</summary>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">The rooms of a pattern would have options that are not allowed; nothing has changed.</exception>
    internal void Apply(PipeWsOptions options)
    {
        _rooms.Reconfigure(options.Rooms, ResolveRoomPolicy);
        ConnectionOptions = options.ToConnectionOptions(CompressionCounters);
        InboundLimits = InboundLimits.Create(options);
        Options = options;
    }

    void IWsHeartbeatItem.OnHeartbeat(long now)
    {
        _everyone.CloseStalled();
        _everyone.Trim();
        _rooms.Sweep();
        Rates.Sample(now, Counters);
    }

    public void Dispose()
    {
        Heartbeat.Remove(this);
        EndDiagnostics();
        _filters?.Dispose();
    }

    internal Membership? TryJoin(HubConnection connection, string name, WsSince since, out WsJoinResult result)
    {
        while (true)
        {
            if (_rooms.GetOrCreate(name, Options.MaxRooms) is not { } room)
            {
                CountRefusal(LimitKind.MaxRooms);
                result = new WsJoinResult(WsJoinStatus.HubFull, "", 0, null, $"the server has as many rooms as it allows ({Options.MaxRooms}, MaxRooms)");
                return null;
            }

            Membership? member = room.TryJoin(connection, since, out result);
            if (member is not null || !room.IsRemoved)
            {
                return member;
            }
        }
    }

    /// <summary>Ends a membership. Once for each.</summary>
    /// <returns>Completes when the hooks have been told; never fails.</returns>
    internal ValueTask Leave(Membership member)
    {
        Room room = member.Room;
        int members = room.Leave(member);
        if (members == 0)
        {
            _rooms.RemoveIfOver(room);
        }

        return member.TryBeginLeaveEvent() ? RaiseLeft(member, members) : default;
    }

    /// <summary>Tells of a join, and then of the leave that came meanwhile, if one did: whoever counts members hears of them in this order.</summary>
    internal void RaiseJoined(Membership member)
    {
        Raise(Joined, member, member.Room.MemberCount);
        if (!member.TryEndJoinEvent())
        {
            _ = RaiseLeft(member, member.Room.MemberCount);
        }
    }

    private ValueTask RaiseLeft(Membership member, int members)
    {
        Raise(Left, member, members);
        return Hooks.LeaveRoom is { } hooks ? hooks.TellAsync(new WsRoomEvent(member.Room.Name, member.Connection, members)) : default;
    }

    private void Raise(Action<WsRoomEvent>? handlers, Membership member, int members)
    {
        if (handlers is null)
        {
            return;
        }

        var raised = new WsRoomEvent(member.Room.Name, member.Connection, members);
        foreach (Action<WsRoomEvent> handler in Delegate.EnumerateInvocationList(handlers))
        {
            try
            {
                handler(raised);
            }
            catch (Exception e)
            {
                Counters.HookFailed();
                string room = LogText.Of(member.Room.Name);
                LogEventHandlerFailed(_logger, room, e);
                _ = Hooks.OnErrorAsync(new WsErrorContext(e, WsErrorSource.RoomEvent, member.Connection, Room: member.Room.Name));
            }
        }
    }

    private static string NewId()
    {
        Span<byte> bytes = stackalloc byte[12];
        RandomNumberGenerator.Fill(bytes);
        return Convert.ToHexStringLower(bytes);
    }
}
