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

    /// <summary>Whether it takes too long for every build, and is left to the full run.</summary>
    public bool IsLong { get; init; }

    public bool IsFor(bool server) => Side == Side.Both || (Side == Side.Server) == server;
}
