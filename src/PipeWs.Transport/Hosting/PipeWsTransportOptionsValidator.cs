using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Options;

namespace PipeWs.Transport.Hosting;

/// <summary>Holds options to the ranges that their documentation gives.</summary>
internal sealed class PipeWsTransportOptionsValidator : IValidateOptions<PipeWsTransportOptions>
{
    private const int MaxLoops = 1024;

    private static readonly TimeSpan s_maxSpinTime = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_minStallTimeout = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_maxStallTimeout = TimeSpan.FromDays(1);

    public ValidateOptionsResult Validate(string? name, PipeWsTransportOptions options)
    {
        var errors = new ValidateOptionsResultBuilder();
        Check(errors, options.LoopCount is >= 1 and <= MaxLoops, nameof(options.LoopCount), options.LoopCount, $"1 to {MaxLoops}");
        Check(errors, options.Backlog >= 1, nameof(options.Backlog), options.Backlog, "at least 1");
        Check(errors, options.SpinTime >= TimeSpan.Zero && options.SpinTime <= s_maxSpinTime, nameof(options.SpinTime), options.SpinTime, $"0 to {s_maxSpinTime}");
        Check(errors, Enum.IsDefined(options.IoUring), nameof(options.IoUring), options.IoUring, $"{PipeWsIoUringUse.WhereAvailable}, {PipeWsIoUringUse.Never} or {PipeWsIoUringUse.Required}");
        Check(
            errors,
            options.StallTimeout == Timeout.InfiniteTimeSpan || (options.StallTimeout >= s_minStallTimeout && options.StallTimeout <= s_maxStallTimeout),
            nameof(options.StallTimeout),
            options.StallTimeout,
            $"{s_minStallTimeout} to {s_maxStallTimeout}, or Timeout.InfiniteTimeSpan");
        return errors.Build();
    }

    private static void Check(ValidateOptionsResultBuilder errors, bool holds, string key, object value, string allowed)
    {
        if (!holds)
        {
            errors.AddError($"PipeWsTransportOptions.{key} is {value}; allowed is {allowed}.");
        }
    }
}
