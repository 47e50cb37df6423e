using Mono.Cecil;
using Mono.Cecil.Cil;
using Mono.Cecil.Rocks;

namespace PipeWs.Fuzz.Instrumentation;

/// <summary>
/// Rewrites an assembly so that it counts which edges of its control flow are taken: every method's entry, and both ways out of every conditional branch, all of a switch.
/// <code>
///      brtrue T          brtrue L1
///      next        ->    count "not taken"
///                        br next
///                    L1: count "taken"
///                        br T
///                  next: ...
/// </code>
/// Each edge has one byte of its own; there is no hashing and so no collision. Counting leaves the evaluation stack as it was.
/// </summary>
internal static class EdgeInstrumenter
{
    /// <summary>The type that the counters' address is put into.</summary>
    public const string CountersType = "PipeWs.Fuzz.EdgeCounters";

    /// <summary>That type's field.</summary>
    public const string CountersField = "Start";

    /// <summary>Rewrites an assembly.</summary>
    /// <param name="path">The assembly; its symbols lie beside it.</param>
    /// <param name="firstEdge">The number of its first edge.</param>
    /// <param name="includes">Which types to count in; a nested type goes with its outermost one.</param>
    public static InstrumentedAssembly Instrument(string path, int firstEdge, Func<TypeDefinition, bool> includes)
    {
        using var resolver = new DefaultAssemblyResolver();
        resolver.AddSearchDirectory(Path.GetDirectoryName(path));
        using var assembly = AssemblyDefinition.ReadAssembly(path, new ReaderParameters { ReadSymbols = true, InMemory = true, AssemblyResolver = resolver });
        ModuleDefinition module = assembly.MainModule;
        var counters = new TypeDefinition("PipeWs.Fuzz", "EdgeCounters", TypeAttributes.Public | TypeAttributes.Abstract | TypeAttributes.Sealed, module.TypeSystem.Object);
        var start = new FieldDefinition(CountersField, FieldAttributes.Public | FieldAttributes.Static, module.TypeSystem.IntPtr);
        counters.Fields.Add(start);
        var rewriter = new Rewriter(start, firstEdge);
        foreach (TypeDefinition type in module.GetTypes().Where(type => includes(Outermost(type))))
        {
            foreach (MethodDefinition method in type.Methods.Where(static method => method.HasBody))
            {
                rewriter.Rewrite(method);
            }
        }

        module.Types.Add(counters);
        using var image = new MemoryStream();
        using var symbols = new MemoryStream();
        assembly.Write(image, new WriterParameters { WriteSymbols = true, SymbolStream = symbols, SymbolWriterProvider = new PortablePdbWriterProvider() });
        return new InstrumentedAssembly(assembly.Name.Name, image.ToArray(), symbols.ToArray(), rewriter.NextEdge - firstEdge);
    }

    private static TypeDefinition Outermost(TypeDefinition type) => type.DeclaringType is null ? type : Outermost(type.DeclaringType);

    private sealed class Rewriter(FieldDefinition start, int firstEdge)
    {
        public int NextEdge { get; private set; } = firstEdge;

        public void Rewrite(MethodDefinition method)
        {
            MethodBody body = method.Body;
            body.SimplifyMacros();
            ILProcessor il = body.GetILProcessor();
            Instruction[] original = [.. body.Instructions];
            foreach (Instruction instruction in original)
            {
                switch (instruction.OpCode.FlowControl)
                {
                    case FlowControl.Cond_Branch when instruction.Operand is Instruction target:
                        Split(il, instruction, [target]);
                        break;
                    case FlowControl.Cond_Branch when instruction.Operand is Instruction[] targets:
                        Split(il, instruction, targets);
                        break;
                }
            }

            // The first instruction may be a branch's target; what is counted before it is the entry alone.
            foreach (Instruction counting in Count())
            {
                il.InsertBefore(original[0], counting);
            }

            body.OptimizeMacros();
        }

        private void Split(ILProcessor il, Instruction branch, Instruction[] targets)
        {
            Instruction next = branch.Next;
            var inserted = new List<Instruction>();
            inserted.AddRange(Count());
            inserted.Add(il.Create(OpCodes.Br, next));
            var landings = new Instruction[targets.Length];
            for (int i = 0; i < targets.Length; i++)
            {
                Instruction[] counting = Count();
                landings[i] = counting[0];
                inserted.AddRange(counting);
                inserted.Add(il.Create(OpCodes.Br, targets[i]));
            }

            branch.Operand = branch.Operand is Instruction[] ? landings : landings[0];
            foreach (Instruction instruction in inserted)
            {
                il.InsertBefore(next, instruction);
            }
        }

        private Instruction[] Count() =>
        [
            Instruction.Create(OpCodes.Ldsfld, start),
            Instruction.Create(OpCodes.Ldc_I4, NextEdge++),
            Instruction.Create(OpCodes.Add),
            Instruction.Create(OpCodes.Dup),
            Instruction.Create(OpCodes.Ldind_U1),
            Instruction.Create(OpCodes.Ldc_I4_1),
            Instruction.Create(OpCodes.Add),
            Instruction.Create(OpCodes.Conv_U1),
            Instruction.Create(OpCodes.Stind_I1),
        ];
    }
}

/// <summary>An assembly that counts.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Image">Its bytes.</param>
/// <param name="Symbols">Its symbols.</param>
/// <param name="Edges">How many edges it has.</param>
internal sealed record InstrumentedAssembly(string Name, byte[] Image, byte[] Symbols, int Edges);
