using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using PipeWs.Server.Diagnostics;

namespace PipeWs.Server.Filters;

/// <summary>Measures messages.</summary>
internal sealed class MetricsFilter : IWsMessageFilter
{
    private static readonly string[] s_codes = [.. Enumerable.Range(400, 200).Select(static code => code.ToString(CultureInfo.InvariantCulture))];

    private readonly Histogram<double> _duration;
    private readonly TimeProvider _time;
    private readonly string _hub;
    private readonly string _otherText;

    public MetricsFilter(FilterScope scope)
    {
        _time = scope.Time;
        _hub = scope.HubName;
        _otherText = scope.Registration.TakesRawText ? "_text" : "_unknown";
        _duration = scope.Services.GetRequiredService<IMeterFactory>().Create(WsDiagnostics.MeterName).CreateHistogram(
            "pipews.server.message.duration",
            "s",
            "How long messages took, from their route to the end of their handler.",
            tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5] });
    }

    public ValueTask InvokeAsync(WsMessageContext context, WsMessageDelegate next) => _duration.Enabled ? Measure(context, next) : next(context);

    private ValueTask Measure(WsMessageContext context, WsMessageDelegate next)
    {
        long start = _time.GetTimestamp();
        ValueTask pending;
        try
        {
            pending = next(context);
        }
        catch (Exception e)
        {
            Record(context, start, e);
            throw;
        }

        if (!pending.IsCompletedSuccessfully)
        {
            return MeasureAwaited(pending, context, start);
        }

        pending.GetAwaiter().GetResult();
        Record(context, start, null);
        return default;
    }

    private async ValueTask MeasureAwaited(ValueTask pending, WsMessageContext context, long start)
    {
        try
        {
            await pending;
        }
        catch (Exception e)
        {
            Record(context, start, e);
            throw;
        }

        Record(context, start, null);
    }

    private void Record(WsMessageContext context, long start, Exception? exception)
    {
        double seconds = _time.GetElapsedTime(start).TotalSeconds;

        // Only names that the application mapped: a peer makes up no new series.
        string action = context.Action.Length > 0 ? context.Action : context.Type == WsMessageType.Binary ? "_binary" : _otherText;
        KeyValuePair<string, object?> hubTag = new(HubMetrics.HubTag, _hub);
        KeyValuePair<string, object?> actionTag = new("pipews.action", action);
        string? error = exception is not null ? exception.GetType().FullName
            : context.ErrorCode is >= 400 and < 600 ? s_codes[context.ErrorCode - 400]
            : null;
        if (error is null)
        {
            _duration.Record(seconds, hubTag, actionTag);
        }
        else
        {
            _duration.Record(seconds, hubTag, actionTag, new KeyValuePair<string, object?>("error.type", error));
        }
    }
}
