using System.Numerics;
using Lorikeet.Text.ChatTemplates.Jinja.Builtins;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Runtime;

/// <summary><c>value.name</c> and <c>value[key]</c> as the immutable sandbox resolves them.</summary>
internal static class Members
{
    private static readonly string[] ListMutations =
        ["append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"];

    private static readonly string[] DictMutations = ["clear", "pop", "popitem", "setdefault", "update"];

    /// <summary>A dot: attributes and methods first, then the item of that name.</summary>
    public static object Attribute(object target, string name)
    {
        if (target is Undefined undefined)
            throw undefined.Error();
        return Find(target, name) ?? TryItem(target, new PyString(name)) ?? Undefined.Attribute(target, name);
    }

    /// <summary>Brackets: items first, then for a string the attribute of that name.</summary>
    public static object Item(object target, object key)
    {
        if (target is Undefined undefined)
            throw undefined.Error();
        return TryItem(target, key)
            ?? (key is PyString name ? Find(target, name.Text) : null)
            ?? Undefined.Element(target, key);
    }

    /// <summary>An attribute or method only, as the <c>attr</c> filter looks it up.</summary>
    public static object AttributeOnly(object target, string name)
    {
        if (target is Undefined undefined)
            throw undefined.Error();
        return Find(target, name) ?? Undefined.Attribute(target, name);
    }

    private static object? TryItem(object target, object key) => target switch
    {
        PyDict dict => key is PyDict or PySequence { Kind: SequenceKind.List }
            ? null
            : dict.TryGet(key, out var value) ? value : null,
        PySequence { HasItems: true } sequence when TryIndex(key, sequence.Items.Count, out var index) =>
            sequence.Items[index],
        PyString text when TryIndex(key, Iteration.Length(text)!.Value, out var index) => Character(text, index),
        _ => null,
    };

    private static bool TryIndex(object key, int length, out int index)
    {
        index = 0;
        if (key is not (BigInteger or bool))
            return false;
        index = BoundArguments.ToInteger(key);
        if (index < 0)
            index += length;
        return index >= 0 && index < length;
    }

    private static PyString Character(PyString text, int index)
    {
        var offset = PyText.Offset(text.Text, index);
        return text.Slice(offset, PyText.CodePointLength(text.Text, offset));
    }

    private static object? Find(object target, string name)
    {
        // Python's own machinery, which every object has and the sandbox hides.
        if (name.StartsWith("__", StringComparison.Ordinal) && name.EndsWith("__", StringComparison.Ordinal))
            return Undefined.Unsafe(target, name);
        return target switch
        {
            PyString text => StringMethods.Find(text, name),
            PyDict dict => DictMutations.Contains(name) ? Undefined.Unsafe(dict, name) : DictMethods.Find(dict, name),
            PySequence { Kind: SequenceKind.List } when ListMutations.Contains(name) => Undefined.Unsafe(target, name),
            PyGroup group when name == "grouper" => group.Key,
            PyGroup group when name == "list" => group.Members,
            PySequence sequence => SequenceMethods.Find(sequence, name),
            LoopContext loop => loop.Member(name),
            Macro macro => macro.Member(name),
            Namespace space => Attribute(space, name),
            Cycler cycler => Attribute(cycler, name),
            _ when Number.TryFrom(target, out var number) => NumberMethods.Find(number, name),
            _ => null,
        };
    }

    private static object? Attribute(Namespace space, string name)
    {
        if (!space.Attributes.TryGet(name, out var value))
            return null;
        return name.StartsWith('_') ? Undefined.Unsafe(space, name) : value;
    }

    private static object? Attribute(Cycler cycler, string name) => name switch
    {
        "current" => cycler.Current,
        "next" => new NativeFunction(name, _ => cycler.Next()),
        "reset" => new NativeFunction(name, _ => cycler.Reset()),
        _ => null,
    };
}
