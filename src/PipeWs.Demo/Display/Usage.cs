using PipeWs.Demo.Desk;
using PipeWs.Demo.Identity;

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
          --follow URL           another desk's market, instead of a recording
          --alert-percent P      alert on moves of P % ...  (default 0.1)
          --alert-seconds S      ... within S seconds       (default 10)
          --token-seconds S      a log-in is good for       (default 300)
          --status true|false    the status line            (default true)
          --otlp URL             send metrics and traces to a collector, or set OTEL_EXPORTER_OTLP_ENDPOINT

        The page is at /, the sockets at {string.Join(" and ", DeskOptions.SocketPaths)}, the log-in at {DeskLogin.Paths[0]}.
        Operators look at /stats/, /ws/stats (JSON), /metrics (Prometheus) and /healthz.
        """;
}
