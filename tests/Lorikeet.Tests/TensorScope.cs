using System.Reflection;
using Lorikeet.Tests;
using TorchSharp;
using Xunit.v3;

[assembly: TensorScope]

namespace Lorikeet.Tests;

/// <summary>
/// Holds the tensors that a test makes and does not dispose of until it ends. TorchSharp keeps no reference to a tensor
/// while libtorch reads it, so that the garbage collector could free <c>randn(4).view(2, 2)</c>'s inner one in the
/// middle, and the process would fall.
/// </summary>
/// <remarks>A scope belongs to a thread, which tests that wait may change; they dispose of what they make.</remarks>
[AttributeUsage(AttributeTargets.Assembly)]
internal sealed class TensorScopeAttribute : BeforeAfterTestAttribute
{
    [ThreadStatic]
    private static DisposeScope? s_scope;

    /// <inheritdoc/>
    public override void Before(MethodInfo methodUnderTest, IXunitTest test)
    {
        if (methodUnderTest.ReturnType == typeof(void))
            s_scope = torch.NewDisposeScope();
    }

    /// <inheritdoc/>
    public override void After(MethodInfo methodUnderTest, IXunitTest test)
    {
        s_scope?.Dispose();
        s_scope = null;
    }
}
