using System.Globalization;
using PipeWs.Conformance.Matrix;
using PipeWs.Shared;

namespace PipeWs.Conformance.Deflate;

/// <summary>What the peer of a case knows of the compression that was agreed on, read from the server's answer without any code of the library.</summary>
internal sealed class PeerCompression
{
    private readonly PeerDeflater _deflater;
    private readonly PeerInflater _inflater;

    /// <param name="answer">The server's Sec-WebSocket-Extensions.</param>
    /// <param name="isServerUnderTest">Whether the peer is the client.</param>
    public PeerCompression(string answer, bool isServerUnderTest)
    {
        string[] parameters = [.. answer.Split(';', StringSplitOptions.TrimEntries).Skip(1)];
        (string own, string other) = isServerUnderTest ? ("client", "server") : ("server", "client");
        _deflater = new PeerDeflater(BitsOf(own), !parameters.Contains(own + "_no_context_takeover"));
        _inflater = new PeerInflater(BitsOf(other), !parameters.Contains(other + "_no_context_takeover"));

        int BitsOf(string side) =>
            parameters.FirstOrDefault(parameter => parameter.StartsWith(side + "_max_window_bits=", StringComparison.Ordinal)) is { } found
                ? int.Parse(found.AsSpan(found.IndexOf('=', StringComparison.Ordinal) + 1).Trim('"'), CultureInfo.InvariantCulture)
                : 15;
    }

    /// <summary>Whether a compressed message came.</summary>
    public bool WasUsed { get; private set; }

    /// <summary>A compressed message in fragments of at most so many bytes.</summary>
    public List<WireFrame> Encode(int opcode, byte[] payload, int fragmentBytes)
    {
        byte[] deflated = _deflater.Deflate(payload);
        var frames = new List<WireFrame>();
        for (int sent = 0; sent < deflated.Length; sent += fragmentBytes)
        {
            int end = (int)Math.Min(deflated.Length, (long)sent + fragmentBytes);
            frames.Add(new WireFrame(sent == 0 ? opcode : RawFrame.Continuation, deflated[sent..end], Fin: end == deflated.Length, Rsv: sent == 0 ? 0x40 : 0));
            if (end == deflated.Length)
            {
                break;
            }
        }

        return frames;
    }

    /// <summary>Inflates a message that came compressed.</summary>
    /// <exception cref="InvalidDataException">It is not what was agreed on.</exception>
    public byte[] Inflate(byte[] deflated)
    {
        WasUsed = true;
        return _inflater.Inflate(deflated);
    }
}
