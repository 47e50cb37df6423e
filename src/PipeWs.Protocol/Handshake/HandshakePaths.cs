using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Text;

namespace PipeWs.Protocol.Handshake;

/// <summary>The paths whose handshakes a sniffing server claims. Immutable.</summary>
/// <remarks>A path is compared byte for byte, as it is sent: case matters and nothing is decoded, so that there is exactly one spelling of it.</remarks>
public sealed class HandshakePaths
{
    /// <summary>The most paths there can be in one set.</summary>
    public const int MaxPaths = 32;

    private readonly string[] _paths;
    private readonly byte[][] _bytes;

    /// <summary>Collects paths.</summary>
    /// <param name="paths">Each starts with one slash and is visible ASCII without query or fragment.</param>
    /// <exception cref="ArgumentException">One is not such a path.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There are more than <see cref="MaxPaths"/>.</exception>
    public HandshakePaths(params IReadOnlyList<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(paths.Count, MaxPaths, nameof(paths));
        _paths = [.. paths];
        _bytes = new byte[_paths.Length][];
        for (int i = 0; i < _paths.Length; i++)
        {
            if (!IsValid(_paths[i]))
            {
                throw new ArgumentException($"'{_paths[i]}' is not a path: it must start with one slash and be visible ASCII without '?' and '#', such as '/ws'.", nameof(paths));
            }

            _bytes[i] = Encoding.ASCII.GetBytes(_paths[i]);
        }
    }

    /// <summary>Whether a text can be one of the paths.</summary>
    public static bool IsValid([NotNullWhen(true)] string? path)
    {
        if (path is not ['/', ..] || path.StartsWith("//", StringComparison.Ordinal))
        {
            return false;
        }

        foreach (char c in path)
        {
            if (c is < '!' or > '~' or '?' or '#')
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Finds the path that the bytes spell.</summary>
    public bool TryMatch(ReadOnlySpan<byte> path, [NotNullWhen(true)] out string? match)
    {
        for (int i = 0; i < _bytes.Length; i++)
        {
            if (path.SequenceEqual(_bytes[i]))
            {
                match = _paths[i];
                return true;
            }
        }

        match = null;
        return false;
    }

    /// <summary>All paths, a bit each.</summary>
    internal uint All => (uint)((1UL << _paths.Length) - 1);

    /// <summary>Of these paths, those that have this byte at this offset.</summary>
    internal uint Narrow(uint possible, int offset, byte value)
    {
        uint left = possible;
        for (uint rest = possible; rest != 0; rest &= rest - 1)
        {
            byte[] path = _bytes[BitOperations.TrailingZeroCount(rest)];
            if (offset >= path.Length || path[offset] != value)
            {
                left &= ~(rest & (0 - rest));
            }
        }

        return left;
    }

    /// <summary>Whether one of these paths ends at this length.</summary>
    internal bool IsMatch(uint possible, int length)
    {
        for (uint rest = possible; rest != 0; rest &= rest - 1)
        {
            if (_bytes[BitOperations.TrailingZeroCount(rest)].Length == length)
            {
                return true;
            }
        }

        return false;
    }
}
