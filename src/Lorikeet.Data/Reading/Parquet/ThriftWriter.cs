namespace Lorikeet.Data.Reading.Parquet;

/// <summary>Writes structures in Thrift's compact protocol.</summary>
internal static class ThriftWriter
{
    /// <summary>The bytes of a structure that was read with a shape.</summary>
    public static byte[] Write(ThriftStruct content, ThriftShape shape)
    {
        using var bytes = new MemoryStream();
        Write(bytes, content, shape);
        return bytes.ToArray();
    }

    private static void Write(MemoryStream bytes, ThriftStruct content, ThriftShape shape)
    {
        var last = 0;
        foreach (var (id, value) in content)
        {
            var field = shape.Find(id)!;
            var kind = value is false ? ThriftKind.False : field.Kind;
            if (id - last is > 0 and < 16 and var step)
            {
                bytes.WriteByte((byte)(step << 4 | (int)kind));
            }
            else
            {
                bytes.WriteByte((byte)kind);
                WriteNumber(bytes, id);
            }

            WriteValue(bytes, value, field);
            last = id;
        }

        bytes.WriteByte(0);
    }

    private static void WriteValue(MemoryStream bytes, object value, ThriftField field)
    {
        switch (value)
        {
            case long number when field.Kind == ThriftKind.Byte:
                bytes.WriteByte((byte)number);
                break;
            case long number:
                WriteNumber(bytes, number);
                break;
            case byte[] text:
                WriteVariable(bytes, (ulong)text.Length);
                bytes.Write(text);
                break;
            case ThriftStruct inner:
                Write(bytes, inner, field.Of!);
                break;
            case List<object> list:
                var element = field.Of is null ? field.Element : ThriftKind.Struct;
                bytes.WriteByte((byte)(0xF0 | (int)element));
                WriteVariable(bytes, (ulong)list.Count);
                foreach (var item in list)
                    WriteValue(bytes, item, field with { Kind = element });
                break;
        }
    }

    private static void WriteNumber(MemoryStream bytes, long number) =>
        WriteVariable(bytes, (ulong)(number << 1 ^ number >> 63));

    private static void WriteVariable(MemoryStream bytes, ulong number)
    {
        for (; number > 127; number >>= 7)
            bytes.WriteByte((byte)(number | 128));
        bytes.WriteByte((byte)number);
    }
}
