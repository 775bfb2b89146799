using System.Runtime.CompilerServices;
using Lorikeet.Native;

namespace Lorikeet.Tests;

internal static class LoadLibTorch
{
    [ModuleInitializer]
    internal static void BeforeAnyTest() => LibTorch.Load();
}
