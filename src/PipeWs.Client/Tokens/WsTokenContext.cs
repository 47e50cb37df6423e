namespace PipeWs.Client;

/// <summary>What tokens are asked for.</summary>
/// <param name="ClientName">The client's name; may be empty.</param>
/// <param name="Attempt">The attempt of this circuit, from 1.</param>
/// <param name="LastDisconnect">How the connection before ended; null at the first dial.</param>
/// <param name="IsRefresh">Whether the token in use is about to expire or has expired: a cached one will not do.</param>
public sealed record WsTokenContext(string ClientName, int Attempt, WsDisconnect? LastDisconnect, bool IsRefresh);
