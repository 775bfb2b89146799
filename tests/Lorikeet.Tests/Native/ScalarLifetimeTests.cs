using Mono.Cecil;
using Xunit;

namespace Lorikeet.Tests.Native;

/// <summary>
/// TorchSharp keeps no reference to a Scalar that it makes in passing, so the garbage collector may finalize it while
/// libtorch reads it. These tests read the compiled code of TorchSharp for the operations that make one, and the
/// compiled code of Lorikeet for calls of them.
/// </summary>
public sealed class ScalarLifetimeTests
{
    private const string Keeper = "Lorikeet.Models.Native.TensorArithmetic";

    private static readonly Lazy<HashSet<string>> s_operations = new(OperationsThatMakeScalars);

    /// <summary>Every assembly of the product, and these tests.</summary>
    public static TheoryData<string> Assemblies =>
        [.. Directory.EnumerateFiles(AppContext.BaseDirectory, "Lorikeet*.dll").Select(file => Path.GetFileName(file))];

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void NoCode_MakesAScalarThatNothingHolds(string assembly)
    {
        var places =
            from method in Methods(assembly)
            where !method.DeclaringType.FullName.StartsWith(Keeper, StringComparison.Ordinal)
            from called in Calls(method)
            where MakesScalar(called) || MakesTensor(called) || s_operations.Value.Contains(called.FullName)
            select $"{method.FullName} calls {called.FullName}";

        Assert.True(!places.Any(), string.Join('\n', places));
    }

    [Fact]
    public void Keeper_CallsNoOperationThatMakesAScalarInPassing()
    {
        var calls = Methods("Lorikeet.Models.dll")
            .Where(method => method.DeclaringType.FullName == Keeper)
            .SelectMany(Calls)
            .ToList();

        Assert.NotEmpty(calls);
        Assert.DoesNotContain(calls, called => s_operations.Value.Contains(called.FullName));
    }

    [Fact]
    public void Operations_AreFound()
    {
        Assert.Contains(s_operations.Value, name => name.Contains("Tensor::op_Addition(", StringComparison.Ordinal));
        Assert.Contains(s_operations.Value, name => name.Contains("Tensor::op_Multiply(", StringComparison.Ordinal));
        Assert.Contains(s_operations.Value, name => name.Contains("linalg::vector_norm(", StringComparison.Ordinal));
    }

    /// <summary>Methods of TorchSharp that make a Scalar, and those that call them.</summary>
    private static HashSet<string> OperationsThatMakeScalars()
    {
        var methods = Methods("TorchSharp.dll").Where(method => method.DeclaringType.FullName != "TorchSharp.Scalar")
            .ToList();
        var found = methods.Where(method => Calls(method).Any(MakesScalar)).Select(method => method.FullName)
            .ToHashSet();
        while (true)
        {
            var callers = methods.Where(method => !found.Contains(method.FullName)
                && Calls(method).Any(called => found.Contains(called.FullName))).ToList();
            if (callers.Count == 0)
                return found;
            found.UnionWith(callers.Select(method => method.FullName));
        }
    }

    private static bool MakesScalar(MethodReference method) =>
        method.DeclaringType.FullName is "TorchSharp.ScalarExtensionMethods"
        || (method.DeclaringType.FullName is "TorchSharp.Scalar" && method.Name is "op_Implicit" or ".ctor");

    /// <summary>
    /// A number as an argument where a tensor is expected becomes a tensor that nothing holds either.
    /// </summary>
    private static bool MakesTensor(MethodReference method) =>
        method.DeclaringType.FullName is "TorchSharp.torch/Tensor" && method.Name is "op_Implicit"
        && method.ReturnType.Name is "Tensor";

    private static IEnumerable<MethodReference> Calls(MethodDefinition method) =>
        method.HasBody ? method.Body.Instructions.Select(step => step.Operand).OfType<MethodReference>() : [];

    /// <remarks>The module is read into memory and its methods' code when it is asked for.</remarks>
    private static IEnumerable<MethodDefinition> Methods(string assembly) =>
        ModuleDefinition
            .ReadModule(Path.Combine(AppContext.BaseDirectory, assembly), new ReaderParameters { InMemory = true })
            .GetTypes().SelectMany(type => type.Methods);
}
