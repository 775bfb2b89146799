namespace Lorikeet.Text.ChatTemplates.Jinja.Runtime;

/// <summary>Something a template can call.</summary>
internal interface ICallable
{
    object Call(CallArguments arguments);
}

/// <summary>A function or bound method written in C#.</summary>
internal sealed class NativeFunction(string name, Func<CallArguments, object> body) : ICallable
{
    public string Name => name;

    public object Call(CallArguments arguments) => body(arguments);
}
