using System.Buffers.Binary;

namespace Lorikeet.Text.Tokenization.SentencePiece;

/// <summary>Reads the fields of a Protocol Buffers message: the wire format, without any schema.</summary>
internal ref struct ProtobufReader(ReadOnlySpan<byte> message)
{
    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int LengthDelimited = 2;
    private const int Fixed32 = 5;

    private ReadOnlySpan<byte> _rest = message;

    /// <summary>Number of the field last read.</summary>
    public int Field { get; private set; }

    /// <summary>Value of the field last read, when it is a number or a flag.</summary>
    public ulong Number { get; private set; }

    /// <summary>Content of the field last read, when it is a string, bytes or a message.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    public readonly bool Flag => Number != 0;

    public readonly float Single => BitConverter.UInt32BitsToSingle((uint)Number);

    public readonly string Text => System.Text.Encoding.UTF8.GetString(Bytes);

    /// <summary>Moves to the next field.</summary>
    /// <exception cref="InvalidDataException">The bytes are not a message.</exception>
    public bool Read()
    {
        if (_rest.Length == 0)
            return false;
        var key = ReadVarint();
        Field = (int)(key >> 3);
        Bytes = [];
        switch ((int)(key & 7))
        {
            case Varint:
                Number = ReadVarint();
                break;
            case Fixed64:
                Number = BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));
                break;
            case Fixed32:
                Number = BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));
                break;
            case LengthDelimited:
                Bytes = Take(ReadVarint());
                break;
            default:
                throw new InvalidDataException($"Wire type {key & 7} is not one of 0, 1, 2 and 5.");
        }
        return true;
    }

    private ulong ReadVarint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var part = Take(1)[0];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }
        throw new InvalidDataException("A number is longer than 64 bits.");
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)_rest.Length)
            throw new InvalidDataException($"A field of {count} bytes reaches past the end.");
        var taken = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return taken;
    }
}
