using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace PipeWs.Demo.Diagnostics;

/// <summary>Prometheus' text format, version 0.0.4, with the names that OpenTelemetry's rules give instruments there.</summary>
internal static class PrometheusText
{
    internal const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private static readonly Dictionary<string, string> s_units = new(StringComparer.Ordinal)
    {
        ["By"] = "bytes", ["KiBy"] = "kibibytes", ["MiBy"] = "mebibytes", ["ns"] = "nanoseconds", ["us"] = "microseconds", ["ms"] = "milliseconds",
        ["s"] = "seconds", ["min"] = "minutes", ["h"] = "hours", ["d"] = "days", ["%"] = "percent", ["Hz"] = "hertz", ["Cel"] = "celsius",
    };

    /// <summary>An instrument's name: dots become underscores, the unit stands behind, and a counter ends in <c>_total</c>.</summary>
    internal static string NameOf(Instrument instrument)
    {
        string name = Clean(instrument.Name, allowsColon: true);
        bool isCounter = instrument.GetType().GetGenericTypeDefinition() is var type && (type == typeof(Counter<>) || type == typeof(ObservableCounter<>));
        string unit = UnitOf(instrument.Unit ?? "");
        if (unit.Length > 0 && !name.EndsWith("_" + unit, StringComparison.Ordinal))
        {
            name += "_" + unit;
        }

        return isCounter && !name.EndsWith("_total", StringComparison.Ordinal) ? name + "_total" : name;
    }

    /// <summary>Labels without their braces, in the order of their names. Tags whose names come to the same are joined.</summary>
    internal static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.IsEmpty)
        {
            return "";
        }

        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach ((string tag, object? value) in tags)
        {
            string name = Clean(tag, allowsColon: false);
            string text = value switch
            {
                null => "",
                bool flag => flag ? "true" : "false",
                IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
                _ => value.ToString() ?? "",
            };
            labels[name] = labels.TryGetValue(name, out string? before) ? $"{before};{text}" : text;
        }

        return string.Join(',', labels.Select(static label => $"{label.Key}=\"{Escape(label.Value).Replace("\"", "\\\"", StringComparison.Ordinal)}\""));
    }

    internal static string Write(IEnumerable<MetricSnapshot> metrics)
    {
        var text = new StringBuilder(16 * 1024);
        foreach (MetricSnapshot metric in metrics)
        {
            if (metric.Help.Length > 0)
            {
                text.Append("# HELP ").Append(metric.Name).Append(' ').Append(Escape(metric.Help)).Append('\n');
            }

            text.Append("# TYPE ").Append(metric.Name).Append(' ').Append(metric.Kind switch
            {
                MetricKind.Counter => "counter",
                MetricKind.Histogram => "histogram",
                _ => "gauge",
            }).Append('\n');
            foreach (SeriesSnapshot series in metric.Series)
            {
                if (metric.Kind == MetricKind.Histogram)
                {
                    WriteHistogram(text, metric, series);
                }
                else
                {
                    WriteSample(text, metric.Name, series.Labels, series.Value);
                }
            }
        }

        return text.ToString();
    }

    private static void WriteHistogram(StringBuilder text, MetricSnapshot metric, SeriesSnapshot series)
    {
        string prefix = series.Labels.Length == 0 ? "" : series.Labels + ",";
        long count = 0;
        for (int i = 0; i < series.Buckets.Count; i++)
        {
            // A bucket holds all that is not larger: those before it too.
            count += series.Buckets[i];
            string boundary = i < metric.Boundaries.Count ? Number(metric.Boundaries[i]) : "+Inf";
            WriteSample(text, metric.Name + "_bucket", $"{prefix}le=\"{boundary}\"", count);
        }

        WriteSample(text, metric.Name + "_sum", series.Labels, series.Value);
        WriteSample(text, metric.Name + "_count", series.Labels, count);
    }

    private static void WriteSample(StringBuilder text, string name, string labels, double value)
    {
        text.Append(name);
        if (labels.Length > 0)
        {
            text.Append('{').Append(labels).Append('}');
        }

        text.Append(' ').Append(Number(value)).Append('\n');
    }

    private static string Number(double value) => value switch
    {
        double.PositiveInfinity => "+Inf",
        double.NegativeInfinity => "-Inf",
        double.NaN => "NaN",
        _ => value.ToString("R", CultureInfo.InvariantCulture),
    };

    private static string UnitOf(string unit)
    {
        if (unit.StartsWith('{') || unit is "" or "1")
        {
            // An annotation names what is counted and is no unit.
            return "";
        }

        int slash = unit.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? Word(unit) : Word(unit[..slash]) + "_per_" + Word(unit[(slash + 1)..]).TrimEnd('s');

        static string Word(string unit) => s_units.GetValueOrDefault(unit) ?? Clean(unit, allowsColon: false);
    }

    private static string Clean(string name, bool allowsColon)
    {
        string clean = string.Create(name.Length, (name, allowsColon), static (chars, state) =>
        {
            for (int i = 0; i < chars.Length; i++)
            {
                char c = state.name[i];
                chars[i] = char.IsAsciiLetterOrDigit(c) || c == '_' || (c == ':' && state.allowsColon) ? c : '_';
            }
        });
        return clean.Length > 0 && char.IsAsciiDigit(clean[0]) ? "_" + clean : clean;
    }

    private static string Escape(string text) => text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}
