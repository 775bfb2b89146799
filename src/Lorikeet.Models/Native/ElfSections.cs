using System.Buffers.Binary;

namespace Lorikeet.Models.Native;

/// <summary>Where a section of an ELF file lies.</summary>
internal readonly record struct ElfSection(int Offset, int Size);

/// <summary>The section table of a 64-bit little-endian ELF file (System V ABI, chapter 4).</summary>
internal static class ElfSections
{
    private const int HeaderSize = 64;

    /// <summary>Reads section names and places.</summary>
    public static Dictionary<string, ElfSection> Read(ReadOnlySpan<byte> image, string path)
    {
        if (image.Length < HeaderSize || !image.StartsWith("\u007fELF\u0002\u0001"u8))
            throw OldLibStdCpp.Unexpected(path, "it is not a 64-bit little-endian ELF file");

        var table = (int)BinaryPrimitives.ReadUInt64LittleEndian(image[0x28..]);
        var count = BinaryPrimitives.ReadUInt16LittleEndian(image[0x3C..]);
        var names = Place(image, table, BinaryPrimitives.ReadUInt16LittleEndian(image[0x3E..]));

        var sections = new Dictionary<string, ElfSection>();
        for (var i = 0; i < count; i++)
        {
            var header = image.Slice(table + i * HeaderSize, HeaderSize);
            var name = image[(names.Offset + (int)BinaryPrimitives.ReadUInt32LittleEndian(header))..];
            sections[System.Text.Encoding.ASCII.GetString(name[..name.IndexOf((byte)0)])] = Place(image, table, i);
        }

        return sections;
    }

    private static ElfSection Place(ReadOnlySpan<byte> image, int table, int index)
    {
        var header = image.Slice(table + index * HeaderSize, HeaderSize);
        return new ElfSection(
            (int)BinaryPrimitives.ReadUInt64LittleEndian(header[0x18..]),
            (int)BinaryPrimitives.ReadUInt64LittleEndian(header[0x20..]));
    }
}
