using System.Reflection;
using Lorikeet.Models.Native.Cuda;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Native;

/// <summary>Kernels are compiled where a GPU is; that their text is there can be seen everywhere.</summary>
public sealed class KernelSourceTests
{
    public static TheoryData<string> Files =>
        [.. Directory.EnumerateFiles(Path.Combine(TestAssets.Root, "src"), "*.cu", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Path.Combine(TestAssets.Root, "src"), file))];

    [Theory]
    [MemberData(nameof(Files))]
    public void EveryKernel_IsEmbeddedInTheAssemblyItLiesIn(string file)
    {
        var assembly = Assembly.Load(file.Split(Path.DirectorySeparatorChar)[0]);
        var text = File.ReadAllText(Path.Combine(TestAssets.Root, "src", file));

        Assert.Contains(text, CudaModule.Source(assembly, Path.GetFileNameWithoutExtension(file)));
    }
}
