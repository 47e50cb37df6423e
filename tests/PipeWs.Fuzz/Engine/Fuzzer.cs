using System.Diagnostics;

namespace PipeWs.Fuzz.Engine;

/// <summary>
/// Mutates inputs, keeps those that do what none did before, and looks at what each does to its target: an exception, more than 100 ms of the processor, more memory than the target may take.
/// One thread; another one watches over it.
/// </summary>
internal sealed class Fuzzer
{
    private static readonly TimeSpan s_hang = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_dead = TimeSpan.FromSeconds(30);
    private const int TrimAttempts = 200;

    private readonly FuzzTarget _target;
    private readonly EdgeMap _edges;
    private readonly Random _random;
    private readonly Mutator _mutator;
    private readonly List<byte[]> _corpus = [];
    private readonly Dictionary<string, Finding> _findings = new(StringComparer.Ordinal);
    private long _startedAt;
    private byte[] _current = [];

    public Fuzzer(FuzzTarget target, EdgeMap edges, int seed, int maxBytes)
    {
        _target = target;
        _edges = edges;
        _random = new Random(seed);
        _mutator = new Mutator(_random, target.Dictionary, maxBytes);
    }

    public long Executions { get; private set; }

    public IReadOnlyList<byte[]> Inputs => _corpus;

    public IReadOnlyCollection<Finding> Findings => _findings.Values;

    public EdgeMap Edges => _edges;

    /// <summary>What is called when an input did not end for half a minute; nothing can stop it but the end of the process.</summary>
    public Action<byte[]>? OnDead { get; init; }

    /// <summary>Takes inputs to begin with.</summary>
    public void Add(IEnumerable<byte[]> inputs)
    {
        foreach (byte[] input in inputs)
        {
            if (Try(input) || _corpus.Count == 0)
            {
                _corpus.Add(input);
            }
        }
    }

    /// <summary>Fuzzes.</summary>
    /// <param name="goesOn">Asked before each input.</param>
    public void Run(Func<bool> goesOn)
    {
        using var watch = new Timer(_ => LookForDead(), null, s_dead, TimeSpan.FromSeconds(1));
        if (_corpus.Count == 0)
        {
            _corpus.Add([0]);
        }

        while (goesOn())
        {
            byte[] input = _mutator.Mutate(Pick(), _corpus[_random.Next(_corpus.Count)]);
            if (Try(input))
            {
                _corpus.Add(Trim(input));
            }
        }
    }

    /// <summary>
    /// The fewest and shortest inputs that take together every edge that the corpus takes, and then, as far as there is room, those that take one a different number of times.
    /// </summary>
    /// <param name="maxBytes">The room for the latter, in bytes.</param>
    public List<byte[]> Distil(int maxBytes)
    {
        var chosen = new List<byte[]>();
        var covered = new HashSet<int>();
        int bytes = 0;
        foreach (bool byCount in (bool[])[false, true])
        {
            foreach (byte[] input in _corpus.OrderBy(static input => input.Length))
            {
                if (byCount && bytes + input.Length > maxBytes)
                {
                    break;
                }

                Execute(input);
                HashSet<int> features = _edges.Features();
                if (!byCount)
                {
                    features = [.. features.Select(static feature => feature & ~0xFF)];
                }

                if (!features.IsSubsetOf(covered))
                {
                    covered.UnionWith(features);
                    chosen.Add(input);
                    bytes += input.Length;
                }
            }
        }

        return chosen;
    }

    // What was found last leads to more more often than the rest.
    private byte[] Pick() => _random.Next(3) == 0
        ? _corpus[^(1 + _random.Next(Math.Min(_corpus.Count, 20)))]
        : _corpus[_random.Next(_corpus.Count)];

    /// <returns>Whether the input did something new.</returns>
    private bool Try(byte[] input)
    {
        if (Execute(input) is not { } finding)
        {
            return _edges.Learn();
        }

        if (!_findings.ContainsKey(finding.Kind))
        {
            byte[] smallest = Minimiser.Minimise(input, smaller => Execute(smaller)?.Kind == finding.Kind, attempts: finding.Kind == "hang" ? 200 : 5000);
            _findings.Add(finding.Kind, Execute(smallest) ?? finding);
        }

        return false;
    }

    private byte[] Trim(byte[] input)
    {
        ulong fingerprint = _edges.Fingerprint();
        return Minimiser.Minimise(input, smaller => Execute(smaller) is null && _edges.Fingerprint() == fingerprint, TrimAttempts);
    }

    private Finding? Execute(byte[] input)
    {
        Finding? finding = ExecuteOnce(input);
        for (int again = 0; finding is { Kind: "hang" or "memory" } && again < 4; again++)
        {
            // The first of its kind pays for what is made once.
            finding = ExecuteOnce(input);
        }

        return finding;
    }

    private Finding? ExecuteOnce(byte[] input)
    {
        Executions++;
        _edges.Clear();
        _current = input;
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        TimeSpan start = ThreadClock.Now;
        Volatile.Write(ref _startedAt, Stopwatch.GetTimestamp());
        try
        {
            _target.Run(input);
        }
        catch (Exception e)
        {
            return Finding.Of(input, e);
        }
        finally
        {
            Volatile.Write(ref _startedAt, 0);
        }

        TimeSpan time = ThreadClock.Now - start;
        if (time > s_hang)
        {
            return Finding.Hang(input, time);
        }

        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        long most = _target.MaxAllocatedBytes(input.Length);
        return allocated > most ? Finding.Memory(input, allocated, most) : null;
    }

    private void LookForDead()
    {
        long start = Volatile.Read(ref _startedAt);
        if (start != 0 && Stopwatch.GetElapsedTime(start) > s_dead)
        {
            OnDead?.Invoke(_current);
        }
    }
}
