namespace PipeWs.Conformance.Matrix;

/// <summary>The side a case is for.</summary>
internal enum Side
{
    Both,
    Server,
    Client,
}

/// <summary>How the side under test is set up.</summary>
internal enum Setup
{
    /// <summary>Messages of 64 MiB are taken; nothing is compressed.</summary>
    Open,

    /// <summary>As it comes, but messages of at most <see cref="ConformanceCase.LimitBytes"/>.</summary>
    Limited,

    /// <summary>As <see cref="Open"/>, and compresses whatever is not empty, with both contexts where the peer wants them.</summary>
    Deflate,

    /// <summary>As <see cref="Open"/>, with the compression that the options give where nothing more is said.</summary>
    DeflateAsItComes,

    /// <summary>As <see cref="Limited"/>, and compresses.</summary>
    DeflateLimited,
}

/// <summary>One row of the matrix: what a peer does to an echoing side, and what must come back.</summary>
/// <param name="Id">Its name, which stays.</param>
/// <param name="Description">What is done, in words.</param>
/// <param name="Write">Writes the script anew for each run.</param>
internal sealed record ConformanceCase(string Id, string Description, Action<Script> Write)
{
    /// <summary>What a message may have at most in <see cref="Setup.Limited"/>, in bytes.</summary>
    public const int LimitBytes = 64 * 1024;

    /// <summary>What it may have in <see cref="Setup.Open"/>, in bytes.</summary>
    public const int OpenBytes = 64 * 1024 * 1024;

    public Side Side { get; init; }

    public Setup Setup { get; init; }

    /// <summary>What the peer says of extensions: a client its offers, a server its answer; null for nothing.</summary>
    public string? Extensions { get; init; }

    /// <summary>What is agreed on, where something is said of extensions: a server's answer, or whether a client accepts the peer's.</summary>
    public string? Agreement { get; init; }

    /// <summary>Whether the full run repeats it more often, so that numbers in its outcome are not on file.</summary>
    public bool IsScaled { get; init; }

    /// <summary>Whether it takes too long for every build, and is left to the full run.</summary>
    public bool IsLong { get; init; }

    public bool IsFor(bool server) => Side == Side.Both || (Side == Side.Server) == server;
}
