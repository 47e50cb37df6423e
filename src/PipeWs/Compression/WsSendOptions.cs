namespace PipeWs;

/// <summary>What may be said about one message beside its bytes.</summary>
/// <param name="NeverCompress">Sends it as it is where the connection would compress it, as what is compressed already or holds secrets should be.</param>
public readonly record struct WsSendOptions(bool NeverCompress = false);
