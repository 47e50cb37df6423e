using PipeWs.Demo.Desk;

namespace PipeWs.Demo.Display;

/// <summary>What the desk says to <c>--help</c>.</summary>
internal static class Usage
{
    public static string Text { get; } = $"""
        The PipeWs market desk: an exchange's recorded feed, replayed to WebSocket clients with its real timing.

          --urls URLS            where to listen            (default {DeskOptions.DefaultUrl})
          --speed N              seconds replayed a second  (default 1)
          --door fast|mapped     how sockets come in        (default fast)
          --recording FILE       another recording
          --alert-percent P      alert on moves of P % ...  (default 0.1)
          --alert-seconds S      ... within S seconds       (default 10)
          --status true|false    the status line            (default true)
          --otlp URL             send metrics and traces to a collector, or set OTEL_EXPORTER_OTLP_ENDPOINT

        The page is at /, the sockets at {string.Join(" and ", DeskOptions.SocketPaths)}.
        Operators look at /stats/, /ws/stats (JSON), /metrics (Prometheus) and /healthz.
        """;
}
