using System.Runtime.CompilerServices;
using Lorikeet.Testing;
using Mono.Cecil;

namespace Lorikeet.Architecture.Tests;

/// <summary>Rooms look one way: the table in ARCHITECTURE.md, held against the compiled code.</summary>
public sealed class ArchitectureTests
{
    private static readonly RoomTable s_table = RoomTable.Read();

    [Fact]
    public void Table_NamesEveryAssemblyOfSrc()
    {
        var projects = Directory.EnumerateDirectories(Path.Combine(TestAssets.Root, "src")).Select(Path.GetFileName);

        Assert.Equal(projects.Order(StringComparer.Ordinal), s_table.Assemblies.Order(StringComparer.Ordinal)!);
    }

    [Fact]
    public void Types_UseNoRoomAboveTheirs()
    {
        var upwards =
            from type in s_table.Assemblies.SelectMany(Types)
            let lower = s_table.PositionOf(type.Module.Assembly.Name.Name, type.Namespace)
            from used in TypeUses.Of(type)
            let assembly = (used.Scope as AssemblyNameReference)?.Name ?? type.Module.Assembly.Name.Name
            where s_table.Assemblies.Contains(assembly) && !IsOfTheCompiler(used)
            let upper = s_table.PositionOf(assembly, used.Namespace)
            where upper.CompareTo(lower) > 0
            select $"{s_table.Describe(lower)} -> {s_table.Describe(upper)}: {type.Name} uses {used.Name}";

        var found = string.Join('\n', upwards.Distinct());
        Assert.True(found.Length == 0, found);
    }

    [Fact]
    public void Namespaces_AreThoseOfTheFolders()
    {
        var strangers =
            from assembly in s_table.Assemblies
            from file in Directory.EnumerateFiles(
                Path.Combine(TestAssets.Root, "src", assembly), "*.cs", SearchOption.AllDirectories)
            let folder = Path.GetDirectoryName(Path.GetRelativePath(Path.Combine(TestAssets.Root, "src"), file))!
            let expected = folder.Replace(Path.DirectorySeparatorChar, '.')
            let line = File.ReadLines(file)
                .FirstOrDefault(line => line.StartsWith("namespace ", StringComparison.Ordinal))
            where line is not null && line != $"namespace {expected};"
            select $"{Path.GetRelativePath(TestAssets.Root, file)}: {line}";

        // Exceptions are caught everywhere, so they stand in the outermost namespace.
        Assert.Equal(["src/Lorikeet.Formats/LorikeetException.cs: namespace Lorikeet;"], strangers);
    }

    /// <summary>What is internal is so for every other layer, and for programs built on them.</summary>
    [Fact]
    public void Internals_AreSeenByTestsAlone()
    {
        var friends =
            from assembly in s_table.Assemblies
            from attribute in Module(assembly).Assembly.CustomAttributes
            where attribute.AttributeType.Name == nameof(InternalsVisibleToAttribute)
            let friend = (string)attribute.ConstructorArguments[0].Value
            where !friend.EndsWith(".Tests", StringComparison.Ordinal)
            select $"{assembly} shows its internals to {friend}";

        Assert.Empty(friends);
    }

    [Fact]
    public void NativeCalls_LieInOneRoomOfAnAssembly()
    {
        var rooms =
            from assembly in s_table.Assemblies
            from type in Types(assembly)
            where type.NestedTypes.Append(type).Any(part => part.Methods.Any(method => method.IsPInvokeImpl))
            let room = s_table.Describe(s_table.PositionOf(assembly, type.Namespace))
            group room by assembly into found
            where found.Distinct().Count() > 1
            select $"{found.Key}: {string.Join(", ", found.Distinct())}";

        Assert.Empty(rooms);
    }

    // __Blazor is where Razor infers the type arguments of components.
    private static bool IsOfTheCompiler(TypeReference type) => type.Namespace.Length == 0
        || type.Name.StartsWith('<') || type.Namespace.StartsWith("__Blazor", StringComparison.Ordinal);

    private static IEnumerable<TypeDefinition> Types(string assembly) =>
        Module(assembly).Types.Where(type => type.Namespace.StartsWith("Lorikeet", StringComparison.Ordinal));

    private static ModuleDefinition Module(string assembly)
    {
        using var resolver = new DefaultAssemblyResolver();
        resolver.AddSearchDirectory(AppContext.BaseDirectory);
        return ModuleDefinition.ReadModule(
            Path.Combine(AppContext.BaseDirectory, assembly + ".dll"),
            new ReaderParameters { InMemory = true, AssemblyResolver = resolver });
    }
}
