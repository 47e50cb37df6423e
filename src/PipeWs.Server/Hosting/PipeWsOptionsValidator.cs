using System.Buffers;
using System.Globalization;
using Microsoft.Extensions.Options;
using PipeWs.Messages;
using PipeWs.Protocol.Compression;
using PipeWs.Protocol.Handshake;

namespace PipeWs.Server;

/// <summary>Judges the options when the application starts: every message names the configuration's key, the value and what is allowed.</summary>
internal sealed class PipeWsOptionsValidator : IValidateOptions<PipeWsOptions>
{
    // Timers count milliseconds in 32 bits.
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(int.MaxValue);

    // What a query holds as it is. RFC 3986, section 2.3.
    private static readonly SearchValues<char> ParameterChars = SearchValues.Create("-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    public ValidateOptionsResult Validate(string? name, PipeWsOptions options)
    {
        var check = new Check(OptionKeys.SectionOf(name));
        check.Range(nameof(options.MaxMessageBytes), options.MaxMessageBytes, 1, int.MaxValue);
        check.Range(nameof(options.MaxEmptyFragments), options.MaxEmptyFragments, 0, int.MaxValue);
        check.Range(nameof(options.SendBacklogBytes), options.SendBacklogBytes, 1, int.MaxValue);
        check.Range(nameof(options.MaxPendingBytes), options.MaxPendingBytes, 1, long.MaxValue);
        check.Range(nameof(options.MaxConnections), options.MaxConnections, 1, int.MaxValue);
        check.Range(nameof(options.MaxConnectionsPerAddress), options.MaxConnectionsPerAddress, 0, int.MaxValue);
        check.Range(nameof(options.AddressPrefixLengthIPv6), options.AddressPrefixLengthIPv6, 1, 128);
        check.Range(nameof(options.MaxConnectionsPerUser), options.MaxConnectionsPerUser, 0, int.MaxValue);
        check.Range(nameof(options.MaxRooms), options.MaxRooms, 1, int.MaxValue);
        check.Range(nameof(options.MaxMetadataPerConnection), options.MaxMetadataPerConnection, 0, int.MaxValue);
        check.Rate(nameof(options.InboundMessagesPerSecond), options.InboundMessagesPerSecond);
        check.Range(nameof(options.InboundMessageBurst), options.InboundMessageBurst, 0, int.MaxValue);
        check.Rate(nameof(options.InboundBytesPerSecond), options.InboundBytesPerSecond);
        if (options.InboundByteBurst != 0 && (options.InboundByteBurst < options.MaxMessageBytes))
        {
            check.Fail(nameof(options.InboundByteBurst), options.InboundByteBurst.ToString(CultureInfo.InvariantCulture), $"0, or at least MaxMessageBytes ({options.MaxMessageBytes})");
        }

        if (!Enum.IsDefined(options.LatencyMode))
        {
            check.Fail(nameof(options.LatencyMode), options.LatencyMode.ToString(), "one of Balanced, LowLatency");
        }

        if (!Enum.IsDefined(options.InboundRatePolicy))
        {
            check.Fail(nameof(options.InboundRatePolicy), options.InboundRatePolicy.ToString(), "one of ReplyError, Wait, Close");
        }

        check.Range(nameof(options.ReplayBytesPerSecond), options.ReplayBytesPerSecond, 0, long.MaxValue);
        check.Range(nameof(options.ReplayBurstBytes), options.ReplayBurstBytes, 1, long.MaxValue);
        check.Range(nameof(options.MaxRoomsPerConnection), options.MaxRoomsPerConnection, 0, int.MaxValue);
        if (options.PingInterval != Timeout.InfiniteTimeSpan)
        {
            check.Range(nameof(options.PingInterval), options.PingInterval, Longest, " or infinite (-00:00:00.0010000)");
        }

        if (options.IdleTimeout != Timeout.InfiniteTimeSpan)
        {
            check.Range(nameof(options.IdleTimeout), options.IdleTimeout, Longest, " or infinite (-00:00:00.0010000)");
        }

        check.Range(nameof(options.PongTimeout), options.PongTimeout, Longest);
        check.Range(nameof(options.HandshakeTimeout), options.HandshakeTimeout, Longest);
        check.Range(nameof(options.CloseTimeout), options.CloseTimeout, Longest);
        check.Range(nameof(options.ShutdownTimeout), options.ShutdownTimeout, Longest);
        check.Range(nameof(options.FrameTimeout), options.FrameTimeout, Longest);
        check.Range(nameof(options.SendTimeout), options.SendTimeout, Longest);

        check.Each(nameof(options.AllowedOrigins), options.AllowedOrigins, OriginRules.IsOrigin, "an origin: a scheme, a host and perhaps a port, such as 'https://example.com'");
        if (EnvelopeNames.FindFault(options.DiscriminatorNames.AsReadOnly(), options.BodyNames.AsReadOnly()) is { } fault)
        {
            check.Fail(options.DiscriminatorNames.Contains(fault) ? nameof(options.DiscriminatorNames) : nameof(options.BodyNames), fault, EnvelopeNames.Rule);
        }

        check.Each(nameof(options.Subprotocols), options.Subprotocols, SubprotocolNegotiator.IsSubprotocol, "a token (RFC 6455, 11.5)");
        check.Each(nameof(options.HandlerPaths), options.HandlerPaths, HandshakePaths.IsValid, "a path that starts with one slash and is visible ASCII without '?' and '#', such as '/ws'");

        if (options.AllowsAnyOrigin && options.AllowedOrigins.Count > 0)
        {
            check.Fail(nameof(options.AllowedOrigins), string.Join(", ", options.AllowedOrigins), "empty where any origin is allowed (AllowsAnyOrigin)");
        }

        WsAuthenticationOptions authentication = options.Authentication;
        check.Range($"{nameof(options.Authentication)}:{nameof(authentication.Timeout)}", authentication.Timeout, Longest);
        if (!Enum.IsDefined(authentication.Mode))
        {
            check.Fail($"{nameof(options.Authentication)}:{nameof(authentication.Mode)}", authentication.Mode.ToString(), "Required, FirstMessage or Optional");
        }

        if ((authentication.TokenSources & ~WsTokenSources.All) != 0)
        {
            check.Fail($"{nameof(options.Authentication)}:{nameof(authentication.TokenSources)}", authentication.TokenSources.ToString(), "None, or some of AuthorizationHeader, Query, Subprotocol");
        }

        if (string.IsNullOrEmpty(authentication.TokenParameter) || authentication.TokenParameter.AsSpan().ContainsAnyExcept(ParameterChars))
        {
            check.Fail($"{nameof(options.Authentication)}:{nameof(authentication.TokenParameter)}", authentication.TokenParameter, "a name of letters, digits, '-', '.', '_' or '~'");
        }

        if (options.Compression is { } compression)
        {
            foreach ((string option, string value, string allowed) in compression.FindProblems())
            {
                check.Fail($"{nameof(options.Compression)}:{option}", value, allowed);
            }

            if (!DeflateSupport.IsSupported)
            {
                check.Fail(nameof(options.Compression), "set", "null in this process, whose framework has no zlib of the kind that is needed");
            }
        }

        foreach ((string option, string value, string allowed) in options.Rooms.FindProblems())
        {
            check.Fail($"Rooms:{option}", value, allowed);
        }

        return check.Failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(check.Failures);
    }

    private sealed class Check(string section)
    {
        public List<string> Failures { get; } = [];

        public void Range(string option, long value, long min, long max)
        {
            if (value < min || value > max)
            {
                Fail(option, value.ToString(CultureInfo.InvariantCulture), string.Create(CultureInfo.InvariantCulture, $"between {min} and {max}"));
            }
        }

        public void Rate(string option, double value)
        {
            // Once a day at least, so that no period is longer than a timer can count.
            if (value != 0 && !(value >= 1.0 / 86_400 && value <= int.MaxValue))
            {
                Fail(option, value.ToString(CultureInfo.InvariantCulture), $"0, or between 0.0000116 (once a day) and {int.MaxValue}");
            }
        }

        public void Range(string option, TimeSpan value, TimeSpan max, string orElse = "")
        {
            if (value <= TimeSpan.Zero || value > max)
            {
                Fail(option, value.ToString(), $"more than 00:00:00 and at most {max}{orElse}");
            }
        }

        public void Each(string option, IEnumerable<string> values, Func<string, bool> isValid, string what)
        {
            foreach (string value in values)
            {
                if (!isValid(value))
                {
                    Fail(option, value, what);
                }
            }
        }

        public void Fail(string option, string value, string allowed) => Failures.Add($"{section}:{option} is '{value}'; it must be {allowed}.");
    }
}
