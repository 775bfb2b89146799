using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary>The methods of <c>dict</c> that change nothing.</summary>
internal static class DictMethods
{
    public static NativeFunction? Find(PyDict dict, string name) => name switch
    {
        "copy" => new NativeFunction(name, _ => dict.Copy()),
        "get" => new NativeFunction(name, arguments => Get(dict, arguments)),
        "items" => new NativeFunction(name, _ => new PySequence(SequenceKind.Items, [.. dict.Pairs], dict.Origin)),
        "keys" => new NativeFunction(name, _ => new PySequence(SequenceKind.Keys, [.. dict.Keys], dict.Origin)),
        "values" => new NativeFunction(name, _ => new PySequence(SequenceKind.Values, [.. dict.Values], dict.Origin)),
        "fromkeys" => throw JinjaException.Runtime("the method 'dict.fromkeys' is not supported"),
        _ => null,
    };

    /// <summary>The value as a dict; Python's error for one without <c>items</c> otherwise.</summary>
    public static PyDict Require(object value) => value switch
    {
        PyDict dict => dict,
        Undefined undefined => throw undefined.Error(),
        _ => throw new JinjaException(
            "AttributeError", $"'{PyType.NameOf(value)}' object has no attribute 'items'"),
    };

    private static object Get(PyDict dict, CallArguments arguments)
    {
        if (arguments.Named.Count > 0)
            throw JinjaException.Type("dict.get() takes no keyword arguments");
        var a = arguments.Bind("key", "default");
        return dict.TryGet(a.Required(0), out var value) ? value : a.Or(1, PyNone.Value);
    }
}
