using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using Mono.Cecil;
using PipeWs.Fuzz.Engine;

namespace PipeWs.Fuzz.Instrumentation;

/// <summary>
/// A context into which the fuzzer is loaded a second time, together with instrumented copies of the assemblies that it tests: whatever it refers to there counts its edges.
/// Nothing on disk is changed.
/// </summary>
internal sealed class InstrumentedContext : AssemblyLoadContext
{
    private const string Fuzzer = "PipeWs.Fuzz";

    private readonly Dictionary<string, InstrumentedAssembly> _assemblies;
    private readonly nint _counters;

    private unsafe InstrumentedContext(IEnumerable<InstrumentedAssembly> assemblies)
        : base(nameof(InstrumentedContext))
    {
        _assemblies = assemblies.ToDictionary(static assembly => assembly.Name, StringComparer.Ordinal);
        Edges = _assemblies.Values.Sum(static assembly => assembly.Edges);

        // For the life of the process, since the assemblies hold the address.
        _counters = (nint)NativeMemory.AllocZeroed((nuint)Edges);
    }

    /// <summary>How many edges all of them have together.</summary>
    public int Edges { get; }

    /// <summary>Instruments what strangers' bytes reach: all of the protocol and the connection; of the server the router, and what reads PROXY headers.</summary>
    public static InstrumentedContext Create()
    {
        var assemblies = new List<InstrumentedAssembly>();
        Add("PipeWs.Protocol", static _ => true);
        Add("PipeWs", static _ => true);
        Add("PipeWs.Server", static type => type.Namespace == "PipeWs.Server.Routing" || type.Name.StartsWith("Proxy", StringComparison.Ordinal));
        Add(Fuzzer, static type => type.Name == nameof(Targets.PlantedTarget));
        return new InstrumentedContext(assemblies);

        void Add(string name, Func<TypeDefinition, bool> includes) =>
            assemblies.Add(EdgeInstrumenter.Instrument(Path.Combine(AppContext.BaseDirectory, name + ".dll"), assemblies.Sum(static assembly => assembly.Edges), includes));
    }

    /// <summary>Runs the fuzzer inside.</summary>
    public int Run(string[] args) => (int)Call(nameof(FuzzRun), nameof(FuzzRun.Run), args, _counters, Edges)!;

    /// <summary>Calls a static method of the fuzzer's second self.</summary>
    public object? Call(string type, string method, params object[] arguments) =>
        LoadFromAssemblyName(new AssemblyName(Fuzzer))
            .GetTypes().Single(candidate => candidate.Name == type)
            .GetMethod(method, BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)!
            .Invoke(null, BindingFlags.DoNotWrapExceptions, null, arguments, null);

    /// <summary>Where the counters are.</summary>
    public nint Counters => _counters;

    protected override Assembly? Load(AssemblyName assemblyName)
    {
        if (!_assemblies.TryGetValue(assemblyName.Name!, out InstrumentedAssembly? instrumented))
        {
            return null;
        }

        Assembly assembly = LoadFromStream(new MemoryStream(instrumented.Image), new MemoryStream(instrumented.Symbols));
        assembly.GetType(EdgeInstrumenter.CountersType)!.GetField(EdgeInstrumenter.CountersField)!.SetValue(null, _counters);
        return assembly;
    }
}
