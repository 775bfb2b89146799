using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Runtime;

/// <summary><c>joiner(separator)</c>: nothing at the first call, the separator after that.</summary>
internal sealed class Joiner(object separator) : ICallable
{
    private bool _isUsed;

    public object Call(CallArguments arguments)
    {
        var result = _isUsed ? separator : PyString.Empty;
        _isUsed = true;
        return result;
    }
}
