using Microsoft.AspNetCore.WebUtilities;
using PipeWs.Server;

namespace PipeWs.Demo.Desk;

/// <summary>Says whose a connection is.</summary>
public interface IDeskIdentity
{
    /// <summary>Whose a connection is.</summary>
    /// <exception cref="DeskException">400: it names its user in a way the desk does not take.</exception>
    DeskUser Identify(IWsConnection connection);
}

/// <summary>A user of the desk.</summary>
/// <param name="Id">Under which his portfolio is kept.</param>
/// <param name="DisplayName">What others see.</param>
/// <param name="IsGuest">Whether he is gone for good when his connection closes.</param>
public readonly record struct DeskUser(string Id, string DisplayName, bool IsGuest);

/// <summary>Takes the user's word for it: <c>?user=name</c> in the socket's address, or a guest for as long as the connection lives.</summary>
public sealed class QueryDeskIdentity : IDeskIdentity
{
    private const int MaxNameLength = 64;

    /// <inheritdoc/>
    public DeskUser Identify(IWsConnection connection)
    {
        if (connection.Query.Length == 0 || !QueryHelpers.ParseQuery(connection.Query).TryGetValue("user", out var names))
        {
            // No name holds a colon, so that nobody names himself into a guest's portfolio.
            return new DeskUser($"guest:{connection.Id}", "guest", IsGuest: true);
        }

        string? name = names.Count == 1 ? names[0] : null;
        if (string.IsNullOrEmpty(name) || name.Length > MaxNameLength || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '@'))
        {
            throw DeskException.Invalid($"user: give one name of at most {MaxNameLength} letters, digits, '-', '_', '.' or '@'.");
        }

        return new DeskUser(name, name, IsGuest: false);
    }
}
