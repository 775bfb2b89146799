using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;

namespace Lorikeet.Formats.Pickle;

/// <summary>
/// Reads a pickle (protocols 0 to 5) as plain data. A pickle is a program for a stack machine; this machine can build
/// containers and nothing else: it has no way to look up or call anything of the host.
/// </summary>
/// <remarks>
/// Opcodes: CPython, Lib/pickletools.py. Any <see cref="FormatException"/> means a damaged or hostile file.
/// </remarks>
internal ref struct PickleReader
{
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly Func<object?, object?> _loadPersistent;
    private readonly ISet<PickleGlobal> _unknownGlobals;
    private readonly ByteBudget _budget;
    private readonly List<object?> _stack = [];
    private readonly Stack<int> _marks = new();
    private readonly Dictionary<long, object?> _memo = [];
    private int _position;

    /// <param name="bytes">The pickle; more may follow it.</param>
    /// <param name="loadPersistent">Turns a persistent id (PyTorch: a storage) into a value.</param>
    /// <param name="unknownGlobals">Receives the names that are not in <see cref="TorchGlobals"/>.</param>
    /// <param name="budget">What the values may take: a byte of a pickle can stand for a hundred of memory.</param>
    public PickleReader(
        ReadOnlySpan<byte> bytes,
        Func<object?, object?> loadPersistent,
        ISet<PickleGlobal> unknownGlobals,
        ByteBudget budget)
    {
        _bytes = bytes;
        _loadPersistent = loadPersistent;
        _unknownGlobals = unknownGlobals;
        _budget = budget;
    }

    /// <summary>Bytes read so far; after <see cref="Read"/>, the length of the pickle.</summary>
    public readonly int Position => _position;

    /// <summary>Reads up to the STOP opcode.</summary>
    /// <exception cref="FormatException">The bytes are no pickle, or use an opcode that checkpoints do not.</exception>
    /// <exception cref="ReadingLimitException">Its values would take too much memory.</exception>
    public object? Read()
    {
        while (true)
        {
            var opcode = (char)Take(1)[0];
            if (opcode == '.')
                return Pop();
            if (!Number(opcode) && !Text(opcode) && !Container(opcode) && !StackOrMemo(opcode) && !Call(opcode))
                throw new FormatException(
                    $"opcode 0x{(int)opcode:x2} at byte {_position - 1} is not one that checkpoints use");
        }
    }

    private bool Number(char opcode)
    {
        switch (opcode)
        {
            case 'N':
                return Push(null);
            case '\x88':
                return Push(true);
            case '\x89':
                return Push(false);
            case 'J':
                return Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)));
            case 'K':
                return Push((long)Take(1)[0]);
            case 'M':
                return Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)));
            case 'G':
                return Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8)));
            case 'F':
                return Push(double.Parse(Line(), CultureInfo.InvariantCulture));
            case 'I':
                return Push(Line() switch { "00" => false, "01" => true, var digits => Integer(digits) });
            case 'L':
                return Push(Integer(Line().TrimEnd('L')));
            case '\x8a':
                return Push(Integer(Take(Take(1)[0])));
            case '\x8b':
                return Push(Integer(Take(Length32())));
            default:
                return false;
        }
    }

    private bool Text(char opcode)
    {
        switch (opcode)
        {
            case 'X':
                return Push(Utf8(Length32()));
            case '\x8c':
                return Push(Utf8(Take(1)[0]));
            case '\x8d':
                return Push(Utf8(Length64()));
            case 'V':
                return Push(Unescape(Line()));
            case 'S':
                return Push(Line()[1..^1]);
            case 'T':
                return Push(Encoding.Latin1.GetString(Take(Length32())));
            case 'U':
                return Push(Encoding.Latin1.GetString(Take(Take(1)[0])));
            case 'B':
                return Push(Take(Length32()).ToArray());
            case 'C':
                return Push(Take(Take(1)[0]).ToArray());
            case '\x8e' or '\x96':
                return Push(Take(Length64()).ToArray());
            default:
                return false;
        }
    }

    private bool Container(char opcode)
    {
        switch (opcode)
        {
            case ')':
                return Push(new PickleTuple([]));
            case '\x85':
                return Push(new PickleTuple(PopMany(1)));
            case '\x86':
                return Push(new PickleTuple(PopMany(2)));
            case '\x87':
                return Push(new PickleTuple(PopMany(3)));
            case 't':
                return Push(new PickleTuple(PopToMark()));
            case ']':
                return Push(new List<object?>());
            case 'l':
                return Push(new List<object?>(PopToMark()));
            case '}' or '\x8f':
                return Push(new PickleDictionary());
            case 'd':
                return Push(SetItems(new PickleDictionary(), Entries(PopToMark())));
            case '\x91':
                return Push(AddItems(new PickleDictionary(), Entries(PopToMark())));
            case 'a':
                return Replace(Entries(PopMany(1)), AddItems);
            case 'e' or '\x90':
                return Replace(Entries(PopToMark()), AddItems);
            case 's':
                return Replace(Entries(PopMany(2)), SetItems);
            case 'u':
                return Replace(Entries(PopToMark()), SetItems);
            default:
                return false;
        }
    }

    private bool StackOrMemo(char opcode)
    {
        switch (opcode)
        {
            case '(':
                _marks.Push(_stack.Count);
                return true;
            case '0':
                Pop();
                return true;
            case '1':
                PopToMark();
                return true;
            case '2':
                return PushAgain(Top());
            case '\x80':
                Take(1);
                return true; // protocol number
            case '\x95':
                Take(8);
                return true; // frame length
            case 'q':
                return Memorize(Take(1)[0]);
            case 'r':
                return Memorize(Length32());
            case 'p':
                return Memorize(long.Parse(Line(), CultureInfo.InvariantCulture));
            case '\x94':
                return Memorize(_memo.Count);
            case 'h':
                return Recall(Take(1)[0]);
            case 'j':
                return Recall(Length32());
            case 'g':
                return Recall(long.Parse(Line(), CultureInfo.InvariantCulture));
            default:
                return false;
        }
    }

    private bool Call(char opcode)
    {
        switch (opcode)
        {
            case 'c':
                return PushGlobal(Line(), Line());
            case '\x93' when PopMany(2) is [string module, string name]:
                return PushGlobal(module, name);
            case 'P':
                return Push(_loadPersistent(Line()));
            case 'Q':
                return Push(_loadPersistent(Pop()));
            case 'R' or '\x81' when PopMany(2) is var call:
                return Push(TorchGlobals.Call(call[0], call[1]));
            case '\x92' when PopMany(3) is var call:
                return Push(new PickleObject(call[0], call[1]) { State = call[2] });
            case 'i':
                PushGlobal(Line(), Line());
                return Push(new PickleObject(Pop(), new PickleTuple(PopToMark())));
            case 'o' when PopToMark() is [var type, .. var arguments]:
                return Push(new PickleObject(type, new PickleTuple(arguments)));
            case 'b':
                var state = Pop();
                if (Top() is PickleObject target)
                    target.State = state;
                return true; // the state of a dict is its attributes, which hold no weights
            default:
                return false;
        }
    }

    private static object SetItems(object? target, object?[] keysAndValues)
    {
        if (keysAndValues.Length % 2 != 0)
            throw new FormatException("a dict item lacks its value");
        for (var i = 0; i < keysAndValues.Length; i += 2)
        {
            if (target is PickleDictionary dictionary)
                dictionary.Entries[keysAndValues[i] ?? "None"] = keysAndValues[i + 1];
            else if (target is PickleObject opaque)
                opaque.Appended.Add(new PickleTuple([keysAndValues[i], keysAndValues[i + 1]]));
        }

        return target is PickleDictionary or PickleObject
            ? target
            : throw new FormatException("items are set on no dict");
    }

    private static object AddItems(object? target, object?[] items)
    {
        switch (target)
        {
            case List<object?> list:
                list.AddRange(items);
                return list;
            case PickleObject opaque:
                opaque.Appended.AddRange(items);
                return opaque;
            case PickleDictionary set:
                foreach (var item in items)
                    set.Entries[item ?? "None"] = null;
                return set;
            default:
                throw new FormatException("items are appended to no list");
        }
    }

    private bool Replace(object?[] items, Func<object?, object?[], object> combine)
    {
        combine(Top(), items);
        return true;
    }

    private bool PushGlobal(string module, string name)
    {
        var global = new PickleGlobal(module, name);
        if (!TorchGlobals.IsKnown(global))
            _unknownGlobals.Add(global);
        return Push(global);
    }

    private bool Push(object? value)
    {
        _budget.Take(PickleSizes.Of(value));
        return PushAgain(value);
    }

    private bool PushAgain(object? value)
    {
        _budget.Take(PickleSizes.Place);
        _stack.Add(value);
        return true;
    }

    /// <summary>Items on their way into a container, paid for.</summary>
    private readonly object?[] Entries(object?[] items)
    {
        _budget.Take(PickleSizes.Entry * items.Length);
        return items;
    }

    private readonly object? Top() => _stack.Count > Floor ? _stack[^1] : throw Underflow();

    private object? Pop() => PopMany(1)[0];

    private readonly object?[] PopMany(int count)
    {
        if (_stack.Count - Floor < count)
            throw Underflow();
        var items = _stack.GetRange(_stack.Count - count, count).ToArray();
        _stack.RemoveRange(_stack.Count - count, count);
        return items;
    }

    private readonly object?[] PopToMark()
    {
        if (_marks.Count == 0)
            throw Underflow();
        var count = _stack.Count - Floor;
        var items = PopMany(count);
        _marks.Pop();
        return items;
    }

    private readonly int Floor => _marks.Count > 0 ? _marks.Peek() : 0;

    private static FormatException Underflow() => new("it takes more from its stack than it put there");

    private readonly bool Memorize(long slot)
    {
        _budget.Take(PickleSizes.Entry);
        _memo[slot] = Top();
        return true;
    }

    private bool Recall(long slot) =>
        PushAgain(_memo.TryGetValue(slot, out var value)
            ? value
            : throw new FormatException($"it recalls slot {slot}, never stored"));

    // The time to read, and to print, a number grows with the square of its digits.
    private static object Integer(string digits) => digits.Length <= ReadingLimits.Digits
        ? Integer(BigInteger.Parse(digits, CultureInfo.InvariantCulture))
        : throw new FormatException(
            $"it has a whole number of {digits.Length} digits, more than {ReadingLimits.Digits}");

    private static object Integer(ReadOnlySpan<byte> bytes) => bytes.Length <= ReadingLimits.Digits / 2
        ? Integer(new BigInteger(bytes))
        : throw new FormatException(
            $"it has a whole number of {bytes.Length} bytes, more than {ReadingLimits.Digits / 2}");

    private static object Integer(BigInteger value) =>
        value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : value;

    /// <summary>Protocol 0 writes what is not Latin-1, the backslash and line ends as \uXXXX or \UXXXXXXXX.</summary>
    private static string Unescape(string line) => Regex.Replace(line, @"\\(?:u(\w{4})|U(\w{8}))", match =>
        char.ConvertFromUtf32(Convert.ToInt32(match.Groups[1].Value + match.Groups[2].Value, 16)));

    private string Utf8(int length) => Encoding.UTF8.GetString(Take(length));

    private int Length32() => checked((int)BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));

    private int Length64() => checked((int)BinaryPrimitives.ReadUInt64LittleEndian(Take(8)));

    private string Line()
    {
        var length = _bytes[_position..].IndexOf((byte)'\n');
        if (length < 0)
            throw new FormatException("a text line does not end");
        var line = Encoding.UTF8.GetString(Take(length));
        _position++;
        return line;
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _bytes.Length - _position)
            throw new FormatException($"{count} bytes are needed at byte {_position}, but it has {_bytes.Length}");
        var bytes = _bytes.Slice(_position, count);
        _position += count;
        return bytes;
    }
}
