using System.Diagnostics.CodeAnalysis;
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

/// <summary>
/// Takes the hub's word for who has logged in, and the user's own for who has not: <c>?user=name</c> in the socket's address, or a guest for as long as the connection lives.
/// </summary>
public sealed class DeskIdentity : IDeskIdentity
{
    /// <summary>What a name must be, in plain words.</summary>
    public static readonly string NameRule = $"user: give one name of at most {MaxNameLength} letters, digits, '-', '_', '.' or '@'.";

    private const int MaxNameLength = 64;

    // No name holds a colon, so that nobody names himself into the portfolio of a guest, or of somebody who has logged in.
    private const string GuestPrefix = "guest:";
    private const string LoginPrefix = "login:";

    /// <summary>Whether a text can be a user's name.</summary>
    public static bool IsName([NotNullWhen(true)] string? name) =>
        !string.IsNullOrEmpty(name) && name.Length <= MaxNameLength && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '@');

    /// <summary>What others see of a user that is not connected.</summary>
    public static string DisplayNameOf(string id) =>
        id.StartsWith(GuestPrefix, StringComparison.Ordinal) ? "guest" : id.StartsWith(LoginPrefix, StringComparison.Ordinal) ? id[LoginPrefix.Length..] : id;

    /// <inheritdoc/>
    public DeskUser Identify(IWsConnection connection)
    {
        if (connection.UserId is { } user)
        {
            return new DeskUser(LoginPrefix + user, user, IsGuest: false);
        }

        if (connection.Query.Length == 0 || !QueryHelpers.ParseQuery(connection.Query).TryGetValue("user", out var names))
        {
            return new DeskUser(GuestPrefix + connection.Id, "guest", IsGuest: true);
        }

        string? name = names.Count == 1 ? names[0] : null;
        return IsName(name) ? new DeskUser(name, name, IsGuest: false) : throw DeskException.Invalid(NameRule);
    }
}
