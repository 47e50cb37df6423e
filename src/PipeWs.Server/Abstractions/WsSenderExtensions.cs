namespace PipeWs.Server;

/// <summary>Sends of strings and JSON, and answers of JSON, for every <see cref="IWsSender"/>.</summary>
public static partial class WsSenderExtensions
{
}
