using PipeWs.Conformance.Matrix;

namespace PipeWs.Conformance.Subjects;

/// <summary>What servers and clients have in common of a setup.</summary>
internal static class Setups
{
    public static WsCompressionOptions? CompressionOf(Setup setup) => setup switch
    {
        Setup.Deflate or Setup.DeflateLimited => new WsCompressionOptions { ServerContextTakeover = true, ClientContextTakeover = true, ThresholdBytes = 1 },
        Setup.DeflateAsItComes => new WsCompressionOptions(),
        _ => null,
    };
}
