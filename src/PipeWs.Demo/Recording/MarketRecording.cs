using System.IO.Compression;
using System.Text;
using System.Text.Json;
using PipeWs.Demo.Market;

namespace PipeWs.Demo.Recording;

/// <summary>
/// A recording of an exchange's feed, in memory: its text as it was received, and where each line lies in it. Immutable and safe from any thread.
/// </summary>
public sealed class MarketRecording
{
    private readonly byte[] _text;
    private readonly RecordedLine[] _lines;

    private MarketRecording(byte[] text, RecordedLine[] lines, IReadOnlyList<Symbol> symbols)
    {
        _text = text;
        _lines = lines;
        Symbols = symbols;
    }

    /// <summary>The symbols it holds, in the order in which they first appear by name.</summary>
    public IReadOnlyList<Symbol> Symbols { get; }

    /// <summary>The lines, oldest first.</summary>
    public ReadOnlySpan<RecordedLine> Lines => _lines;

    /// <summary>From the first line to the last.</summary>
    public TimeSpan Duration => Offset(_lines[^1]);

    /// <summary>How long after the first line a line was received.</summary>
    public TimeSpan Offset(in RecordedLine line) => TimeSpan.FromTicks((line.ReceivedUnixNanoseconds - _lines[0].ReceivedUnixNanoseconds) / TimeSpan.NanosecondsPerTick);

    /// <summary>A line's JSON, as the exchange sent it.</summary>
    public ReadOnlySpan<byte> Json(in RecordedLine line) => _text.AsSpan(line.Start, line.Length);

    /// <summary>Loads a recording from a file of gzipped text.</summary>
    /// <exception cref="InvalidDataException">The file is not a recording; the message names the line.</exception>
    public static MarketRecording Load(string path)
    {
        using var file = File.OpenRead(path);
        using var gzip = new GZipStream(file, CompressionMode.Decompress);
        return Read(gzip);
    }

    /// <summary>Reads a recording: one message a line, <c>[time of receipt, Unix nanoseconds] [JSON]</c>, oldest first.</summary>
    /// <inheritdoc cref="Load"/>
    public static MarketRecording Read(Stream stream)
    {
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        byte[] text = memory.ToArray();
        var index = new Index(text);
        int start = 0;
        while (start < text.Length)
        {
            int end = text.AsSpan(start).IndexOf((byte)'\n');
            end = end < 0 ? text.Length : start + end;
            index.Add(start, end);
            start = end + 1;
        }

        return new MarketRecording(text, index.Complete(), index.Symbols);
    }

    /// <summary>The index while it is being built. Snapshots do not name their symbol, so that they are placed when all else is known.</summary>
    private sealed class Index(byte[] text)
    {
        private readonly List<RecordedLine> _lines = [];
        private readonly List<(int Line, long UpdateId)> _snapshots = [];
        private readonly List<(int Symbol, long First, long Last)> _updateIds = [];

        public List<Symbol> Symbols { get; } = [];

        public void Add(int start, int end)
        {
            var line = text.AsSpan(start, end - start);
            int space = line.IndexOf((byte)' ');
            if (space < 0 || !System.Buffers.Text.Utf8Parser.TryParse(line[..space], out long received, out int digits) || digits != space)
            {
                throw Invalid("it does not begin with the time of receipt and a space");
            }

            if (_lines.Count > 0 && received < _lines[^1].ReceivedUnixNanoseconds)
            {
                throw Invalid("it is older than the line before it");
            }

            var json = line[(space + 1)..];
            var (kind, symbol, updateId) = Judge(json);
            if (kind == RecordedKind.Snapshot)
            {
                _snapshots.Add((_lines.Count, updateId));
            }
            else if (updateId > 0)
            {
                var range = _updateIds[symbol];
                _updateIds[symbol] = (symbol, range.First == 0 ? updateId : range.First, updateId);
            }

            _lines.Add(new RecordedLine(received, start + space + 1, json.Length, kind, symbol));
        }

        public RecordedLine[] Complete()
        {
            if (_lines.Count == 0)
            {
                throw new InvalidDataException("The recording is empty.");
            }

            if (_snapshots.Count > 0 && _updateIds.Count == 0)
            {
                throw new InvalidDataException("The recording has a snapshot of a book, but nothing that says whose.");
            }

            foreach (var (line, updateId) in _snapshots)
            {
                // Each symbol counts its updates by itself, from wherever the exchange once began: the ranges lie far apart.
                var nearest = _updateIds.MinBy(range => updateId < range.First ? range.First - updateId : Math.Max(0, updateId - range.Last));
                _lines[line] = _lines[line] with { Symbol = nearest.Symbol };
            }

            return [.. _lines];
        }

        /// <summary>Reads the line as the replay will, so that a bad one is found now and not in the middle of it.</summary>
        private (RecordedKind Kind, int Symbol, long UpdateId) Judge(ReadOnlySpan<byte> json)
        {
            try
            {
                var stream = RecordedJson.Identify(json, out long updateId);
                if (stream.IsEmpty)
                {
                    RecordedJson.ReadSnapshot(json);
                    return (RecordedKind.Snapshot, -1, updateId);
                }

                int at = stream.IndexOf((byte)'@');
                if (at <= 0)
                {
                    throw Invalid("its stream is not symbol@name");
                }

                int symbol = SymbolIndex(stream[..at]);
                var name = stream[(at + 1)..];
                if (name.SequenceEqual("bookTicker"u8))
                {
                    RecordedJson.ReadBookTicker(json);
                    return (RecordedKind.BookTicker, symbol, updateId);
                }

                if (name.SequenceEqual("trade"u8))
                {
                    RecordedJson.ReadTrade(json);
                    return (RecordedKind.Trade, symbol, 0);
                }

                if (name.StartsWith("depth"u8))
                {
                    RecordedJson.ReadDepth(json);
                    return (RecordedKind.Depth, symbol, updateId);
                }

                throw Invalid("its stream is none that is known");
            }
            catch (JsonException exception)
            {
                throw Invalid(exception.Message);
            }
        }

        private int SymbolIndex(ReadOnlySpan<byte> lowerCaseName)
        {
            foreach (var symbol in Symbols)
            {
                if (Ascii.EqualsIgnoreCase(lowerCaseName, symbol.Name))
                {
                    return symbol.Index;
                }
            }

            Symbols.Add(Symbol.Parse(Encoding.ASCII.GetString(lowerCaseName).ToUpperInvariant(), Symbols.Count));
            _updateIds.Add((Symbols.Count - 1, 0, 0));
            return Symbols.Count - 1;
        }

        private InvalidDataException Invalid(string why) => new($"Line {_lines.Count + 1} of the recording: {why}.");
    }
}
