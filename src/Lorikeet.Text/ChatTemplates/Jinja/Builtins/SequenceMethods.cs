using System.Numerics;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary>The methods of <c>list</c>, <c>tuple</c> and <c>range</c> that change nothing.</summary>
internal static class SequenceMethods
{
    public static NativeFunction? Find(PySequence sequence, string name) => name switch
    {
        "copy" when sequence.Kind == SequenceKind.List => new NativeFunction(name, _ => sequence),
        "count" when sequence.HasItems => new NativeFunction(name, arguments => Count(sequence, arguments)),
        "index" when sequence.HasItems => new NativeFunction(name, arguments => Index(sequence, arguments)),
        _ => null,
    };

    private static object Count(PySequence sequence, CallArguments arguments)
    {
        var value = arguments.Bind("value").Required(0);
        return new BigInteger(sequence.Items.Count(item => Comparison.AreEqual(item, value)));
    }

    private static object Index(PySequence sequence, CallArguments arguments)
    {
        var value = arguments.Bind("value").Required(0);
        for (var i = 0; i < sequence.Items.Count; i++)
        {
            if (Comparison.AreEqual(sequence.Items[i], value))
                return new BigInteger(i);
        }
        throw JinjaException.Value($"{Display.Repr(value)} is not in {sequence.TypeName}");
    }
}
