using System.Runtime.CompilerServices;
using Lorikeet.Models.Native;

namespace Lorikeet.Extensions.AI.Tests;

internal static class LoadLibTorch
{
    [ModuleInitializer]
    internal static void BeforeAnyTest()
    {
        LibTorch.Load();

        // Tests run side by side: threads of one would only wait for those of another.
        TorchSharp.torch.set_num_threads(1);
    }
}
