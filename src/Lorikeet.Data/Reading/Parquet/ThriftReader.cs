namespace Lorikeet.Data.Reading.Parquet;

/// <summary>
/// Thrift's compact protocol within its bounds: no number, text, list or structure reaches over the end, whatever the
/// bytes say.
/// </summary>
/// <param name="bytes">What is read.</param>
/// <param name="isStrict">
/// Whether a structure that is not known is an error, because another reader trips over it.
/// </param>
internal ref struct ThriftReader(ReadOnlySpan<byte> bytes, bool isStrict = false)
{
    private const int Deepest = 64;

    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _depth;

    /// <summary>How many bytes have been read.</summary>
    public int Position { get; private set; }

    /// <summary>Reads a structure.</summary>
    /// <exception cref="EndOfStreamException">It goes on after the end.</exception>
    /// <exception cref="InvalidDataException">
    /// It is not one, or a field is of another kind than its shape says.
    /// </exception>
    public ThriftStruct Read(ThriftShape shape)
    {
        Enter();
        var result = new ThriftStruct();
        short id = 0;
        while (ReadField(ref id) is var kind && kind != 0)
        {
            if (shape.Find(id) is not { } field)
            {
                if (isStrict && kind >= ThriftKind.List)
                    throw new InvalidDataException(
                        $"a structure has the unknown field {id}: it was written by a later version of parquet.");
                Skip(kind);
                continue;
            }

            var isKind = field.Kind == ThriftKind.True
                ? kind is ThriftKind.True or ThriftKind.False
                : kind == field.Kind;
            if (!isKind)
                throw new InvalidDataException(
                    $"field {id} of a structure is of kind {(int)kind}, not {(int)field.Kind}.");
            if (!result.TryAdd(id, ReadValue(field, kind)))
                throw new InvalidDataException($"field {id} of a structure is there twice.");
        }

        _depth--;
        return result;
    }

    private object ReadValue(ThriftField field, ThriftKind kind) => kind switch
    {
        ThriftKind.True or ThriftKind.False => kind == ThriftKind.True,
        ThriftKind.Byte => (long)(sbyte)ReadByte(),
        ThriftKind.Int when ReadNumber() is >= int.MinValue and <= int.MaxValue and var number => number,
        ThriftKind.Long => ReadNumber(),
        ThriftKind.Binary => ReadBinary().ToArray(),
        ThriftKind.Struct => Read(field.Of!),
        ThriftKind.List => ReadList(field),
        _ => throw new InvalidDataException($"field {field.Id} of a structure is out of range."),
    };

    private List<object> ReadList(ThriftField field)
    {
        var (count, kind) = ReadListHeader();
        var expected = field.Of is null ? field.Element : ThriftKind.Struct;
        if (kind != expected && count > 0)
            throw new InvalidDataException($"a list holds kind {(int)kind}, not {(int)expected}.");
        var list = new List<object>();
        for (var i = 0; i < count; i++)
        {
            list.Add(kind switch
            {
                ThriftKind.Struct => Read(field.Of!),
                ThriftKind.Binary => ReadBinary().ToArray(),
                _ => ReadNumber(),
            });
        }

        return list;
    }

    private ThriftKind ReadField(ref short id)
    {
        var head = ReadByte();
        if (head == 0)
            return 0;
        id = head >> 4 == 0 ? checked((short)ReadNumber()) : checked((short)(id + (head >> 4)));
        return (ThriftKind)(head & 15);
    }

    private (int Count, ThriftKind Kind) ReadListHeader()
    {
        var head = ReadByte();
        var count = head >> 4 == 15 ? ReadVariable() : (ulong)(head >> 4);

        // An element is a byte at least.
        if (count > (ulong)(_bytes.Length - Position))
            throw new EndOfStreamException($"a list of {count} goes on after the end.");
        return ((int)count, (ThriftKind)(head & 15));
    }

    private void Skip(ThriftKind kind)
    {
        switch (kind)
        {
            case ThriftKind.True or ThriftKind.False:
                break;
            case ThriftKind.Byte:
                ReadByte();
                break;
            case ThriftKind.Short or ThriftKind.Int or ThriftKind.Long:
                ReadVariable();
                break;
            case ThriftKind.Double:
                Take(8);
                break;
            case ThriftKind.Binary:
                ReadBinary();
                break;
            case ThriftKind.Struct:
                Read(ThriftShape.Empty);
                break;
            case ThriftKind.List or ThriftKind.Set:
                Enter();
                var (count, element) = ReadListHeader();
                for (var i = 0; i < count; i++)
                    SkipElement(element);
                _depth--;
                break;
            default:
                throw new InvalidDataException($"a structure has a field of the unknown kind {(int)kind}.");
        }
    }

    /// <summary>Truth values take a byte in lists, where a field has them in its head.</summary>
    private void SkipElement(ThriftKind kind) =>
        Skip(kind is ThriftKind.True or ThriftKind.False ? ThriftKind.Byte : kind);

    private long ReadNumber()
    {
        var value = ReadVariable();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    private ulong ReadVariable()
    {
        var value = 0UL;
        for (var shift = 0; shift < 70; shift += 7)
        {
            var next = ReadByte();
            value |= (ulong)(next & 127) << shift;
            if (next < 128)
                return value;
        }

        throw new InvalidDataException("a number has more than 64 bits.");
    }

    private ReadOnlySpan<byte> ReadBinary()
    {
        var length = ReadVariable();
        return Take(length <= int.MaxValue ? (int)length : int.MaxValue);
    }

    private byte ReadByte() => Take(1)[0];

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _bytes.Length - Position)
            throw new EndOfStreamException("a structure goes on after the end.");
        var taken = _bytes.Slice(Position, count);
        Position += count;
        return taken;
    }

    private void Enter()
    {
        if (++_depth > Deepest)
            throw new InvalidDataException($"structures are nested deeper than {Deepest} levels.");
    }
}
