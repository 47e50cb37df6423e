using System.Reflection;
using System.Runtime.CompilerServices;

namespace PipeWs.Repository.Tests;

/// <summary>Writes the public members of an assembly as lines of text, sorted.</summary>
internal static class PublicApi
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    internal static IEnumerable<string> Describe(Assembly assembly) =>
        assembly.GetExportedTypes().SelectMany(DescribeType).Order(StringComparer.Ordinal);

    private static IEnumerable<string> DescribeType(Type type)
    {
        string kind = type.IsEnum ? "enum" : type.IsInterface ? "interface" : type.IsValueType ? "struct" : typeof(Delegate).IsAssignableFrom(type) ? "delegate"
            : type is { IsAbstract: true, IsSealed: true } ? "static class" : type.IsAbstract ? "abstract class" : type.IsSealed ? "sealed class" : "class";
        yield return $"{kind} {Name(type)}{Bases(type)}";
        foreach (MemberInfo member in type.GetMembers(Declared))
        {
            if (DescribeMember(type, member) is { } line && member.GetCustomAttribute<CompilerGeneratedAttribute>() is null)
            {
                yield return $"{Name(type)}.{line}";
            }
        }
    }

    private static string? DescribeMember(Type type, MemberInfo member) => member switch
    {
        FieldInfo field when type.IsEnum && field.IsLiteral => $"{field.Name} = {Convert.ToInt64(field.GetRawConstantValue(), System.Globalization.CultureInfo.InvariantCulture)}",
        FieldInfo field when IsVisible(field.IsPublic, field.IsFamily || field.IsFamilyOrAssembly) && !type.IsEnum =>
            $"{field.Name}: {(field.IsLiteral ? "const " : field.IsStatic ? "static " : "")}{Name(field.FieldType)}{(field.IsLiteral ? $" = {field.GetRawConstantValue()}" : "")}",
        ConstructorInfo constructor when !constructor.IsStatic && IsVisible(constructor) => $"ctor({Parameters(constructor)})",
        MethodInfo method when !method.IsSpecialName && IsVisible(method) && !type.IsEnum && !typeof(Delegate).IsAssignableFrom(type) =>
            $"{(method.IsStatic ? "static " : "")}{method.Name}{Generics(method)}({Parameters(method)}): {Name(method.ReturnType)}",
        PropertyInfo property when property.GetAccessors(true).Any(IsVisible) =>
            $"{property.Name}: {Name(property.PropertyType)} {{ {string.Join(" ", property.GetAccessors(true).Where(IsVisible).Select(accessor => accessor.ReturnType == typeof(void) ? "set;" : "get;"))} }}",
        EventInfo @event when IsVisible(@event.AddMethod!) => $"event {@event.Name}: {Name(@event.EventHandlerType!)}",
        _ => null,
    };

    private static bool IsVisible(MethodBase method) => IsVisible(method.IsPublic, method.IsFamily || method.IsFamilyOrAssembly);

    private static bool IsVisible(bool isPublic, bool isProtected) => isPublic || isProtected;

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(parameter =>
        $"{(parameter.ParameterType.IsByRef ? parameter.IsOut ? "out " : parameter.IsIn ? "in " : "ref " : "")}{Name(parameter.ParameterType)} {parameter.Name}{(parameter.IsOptional ? "?" : "")}"));

    private static string Generics(MethodInfo method) => method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(Name))}>" : "";

    private static string Bases(Type type)
    {
        if (type.IsEnum || typeof(Delegate).IsAssignableFrom(type))
        {
            return "";
        }

        IEnumerable<Type> bases = type.GetInterfaces().Where(candidate => candidate.IsPublic && !candidate.Name.StartsWith("IEquatable", StringComparison.Ordinal));
        if (type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType))
        {
            bases = bases.Prepend(parent);
        }

        string[] names = [.. bases.Select(Name).Order(StringComparer.Ordinal)];
        return names.Length == 0 ? "" : $" : {string.Join(", ", names)}";
    }

    private static string Name(Type type)
    {
        if (type.IsByRef)
        {
            return Name(type.GetElementType()!);
        }

        if (type.IsArray)
        {
            return Name(type.GetElementType()!) + "[]";
        }

        if (type.IsGenericParameter)
        {
            return type.Name;
        }

        string name = type.IsNested ? $"{Name(type.DeclaringType!)}.{type.Name}" : type.Assembly.GetName().Name!.StartsWith("PipeWs", StringComparison.Ordinal) ? type.FullName ?? type.Name : type.Name;
        int tick = name.IndexOf('`', StringComparison.Ordinal);
        return tick < 0 ? name : $"{name[..tick]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>";
    }
}
