using System.Numerics;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;

namespace Lorikeet.Text.ChatTemplates.Jinja.Values;

/// <summary>What Python calls the type of a value, for its error messages.</summary>
internal static class PyType
{
    public static string NameOf(object value) => value switch
    {
        PyNone => "NoneType",
        bool => "bool",
        BigInteger => "int",
        double => "float",
        PyString { IsMarkup: true } => "Markup",
        PyString => "str",
        PySequence sequence => sequence.TypeName,
        PyDict => "dict",
        PyIterator iterator => iterator.TypeName,
        Undefined => "Undefined",
        Namespace => "Namespace",
        LoopContext => "LoopContext",
        Macro => "Macro",
        NativeFunction => "builtin_function_or_method",
        _ => value.GetType().Name,
    };

    public static string QualifiedNameOf(object value) => value switch
    {
        Namespace => "jinja2.utils.Namespace",
        LoopContext => "jinja2.runtime.LoopContext",
        Macro => "jinja2.runtime.Macro",
        Undefined => "jinja2.runtime.Undefined",
        PyString { IsMarkup: true } => "markupsafe.Markup",
        _ => NameOf(value),
    };
}
