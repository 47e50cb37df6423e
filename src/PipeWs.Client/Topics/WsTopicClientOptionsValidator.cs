using System.Globalization;
using Microsoft.Extensions.Options;

namespace PipeWs.Client.Topics;

/// <summary>Judges the options before a topic client is made; the connection's by their own rules.</summary>
internal sealed class WsTopicClientOptionsValidator : IValidateOptions<WsTopicClientOptions>
{
    private const int MaxPrefixLength = 64;
    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(int.MaxValue);

    public static void ThrowIfInvalid(WsTopicClientOptions options)
    {
        ValidateOptionsResult result = new WsTopicClientOptionsValidator().Validate(options.Connection.Name, options);
        if (result.Failed)
        {
            throw new OptionsValidationException(options.Connection.Name, typeof(WsTopicClientOptions), result.Failures);
        }
    }

    public ValidateOptionsResult Validate(string? name, WsTopicClientOptions options)
    {
        ValidateOptionsResult connection = new WsClientOptionsValidator().Validate(name, options.Connection);
        List<string> failures = [.. connection.Failures ?? []];
        string subject = string.IsNullOrEmpty(name) ? "PipeWs topic client" : $"PipeWs topic client '{name}'";
        Time(nameof(options.WelcomeTimeout), options.WelcomeTimeout);
        Time(nameof(options.AckTimeout), options.AckTimeout);
        AtLeastOne(nameof(options.MaxPendingRequests), options.MaxPendingRequests);
        AtLeastOne(nameof(options.RejoinParallelism), options.RejoinParallelism);
        AtLeastOne(nameof(options.MaxTopicsPerRequest), options.MaxTopicsPerRequest);
        AtLeastOne(nameof(options.ReadMessageBuffer), options.ReadMessageBuffer);
        AtLeastOne(nameof(options.ReadBufferBytes), options.ReadBufferBytes);
        if (options.RejoinPolicy is null)
        {
            Fail(nameof(options.RejoinPolicy), "null", "set");
        }

        if (options.IdPrefix is null || options.IdPrefix.Length > MaxPrefixLength || options.IdPrefix.Any(static c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_')))
        {
            Fail(nameof(options.IdPrefix), options.IdPrefix is null ? "null" : $"'{options.IdPrefix}'", $"letters, digits, '-' and '_', at most {MaxPrefixLength}");
        }

        if (options.Connection.MessageHandler is not null)
        {
            Fail("Connection.MessageHandler", "set", "null: the topic client handles messages itself");
        }

        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);

        void Fail(string option, string value, string allowed) => failures.Add($"{subject}: {option} is {value}; it must be {allowed}.");

        void Time(string option, TimeSpan value)
        {
            if (value <= TimeSpan.Zero || value > s_longest)
            {
                Fail(option, value.ToString(), $"more than 00:00:00 and at most {s_longest}");
            }
        }

        void AtLeastOne(string option, long value)
        {
            if (value < 1)
            {
                Fail(option, value.ToString(CultureInfo.InvariantCulture), "at least 1");
            }
        }
    }
}
