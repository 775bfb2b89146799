// TorchSharp 0.107's libLibTorchSharp.so asks libstdc++ for one symbol of version GLIBCXX_3.4.32,
// std::ios_base_library_init(). It is an empty hook that makes newer libstdc++ initialise its streams; older ones
// (Debian 12, Ubuntu 22.04, RHEL 9) initialise them without being asked. This file writes a copy of the library in
// which the need for that version is weak and the hook's name is that of a harmless function every libc has, so the
// loader is satisfied and nothing else changes. It refuses any file that does not look exactly as expected.
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Lorikeet.Formats;

namespace Lorikeet.Models.Native;

/// <summary>Adapts TorchSharp's Linux library to a libstdc++ without GLIBCXX_3.4.32.</summary>
internal static class OldLibStdCpp
{
    /// <summary>The symbol version older systems lack; the loader's message names it.</summary>
    public const string MissingVersion = "GLIBCXX_3.4.32";

    private const string Hook = "_ZSt21ios_base_library_initv";
    private const string Harmless = "getpid";
    private const ushort WeakNeed = 0x2;
    private const ushort UnversionedGlobal = 1;

    /// <summary>
    /// Returns the path of the patched copy, writing it to the user's cache when it is not there yet.
    /// </summary>
    public static string Patch(string library)
    {
        var image = File.ReadAllBytes(library);
        var hash = Convert.ToHexStringLower(SHA256.HashData(image))[..16];
        var folder = Path.Combine(UserCache.Folder, "native", hash);
        var target = Path.Combine(folder, Path.GetFileName(library));
        if (File.Exists(target))
            return target;

        Weaken(image, library);
        Directory.CreateDirectory(folder);
        AtomicFile.Write(target, stream => stream.Write(image));
        return target;
    }

    /// <summary>
    /// Makes the need for <see cref="MissingVersion"/> weak and binds its one symbol elsewhere, in place.
    /// </summary>
    private static void Weaken(Span<byte> image, string library)
    {
        var sections = ElfSections.Read(image, library);
        var strings = sections[".dynstr"];
        var versionIndex = WeakenNeed(image, sections[".gnu.version_r"], strings, library);

        var symbols = sections[".dynsym"];
        const int symbolSize = 24; // Elf64_Sym
        for (var i = 0; i < symbols.Size / symbolSize; i++)
        {
            var symbol = image.Slice(symbols.Offset + i * symbolSize, symbolSize);
            var name = strings.Offset + (int)BinaryPrimitives.ReadUInt32LittleEndian(symbol);
            if (!NameAt(image, name).SequenceEqual(Encoding.ASCII.GetBytes(Hook)))
                continue;

            var versionEntry = image[(sections[".gnu.version"].Offset + i * 2)..];
            if (BinaryPrimitives.ReadUInt16LittleEndian(versionEntry) != versionIndex)
                break;
            Encoding.ASCII.GetBytes(Harmless + "\0").CopyTo(image[name..]);
            BinaryPrimitives.WriteUInt16LittleEndian(versionEntry, UnversionedGlobal);
            return;
        }

        throw Unexpected(library, $"symbol {Hook} of version {MissingVersion} was not found");
    }

    /// <summary>Walks Elf64_Verneed and Elf64_Vernaux records; returns the version index that was weakened.</summary>
    private static ushort WeakenNeed(Span<byte> image, ElfSection needs, ElfSection strings, string library)
    {
        var need = needs.Offset;
        while (true)
        {
            var auxiliaries = BinaryPrimitives.ReadUInt16LittleEndian(image[(need + 2)..]);
            var auxiliary = need + (int)BinaryPrimitives.ReadUInt32LittleEndian(image[(need + 8)..]);
            for (var i = 0; i < auxiliaries; i++)
            {
                var name = strings.Offset + (int)BinaryPrimitives.ReadUInt32LittleEndian(image[(auxiliary + 8)..]);
                if (NameAt(image, name).SequenceEqual(Encoding.ASCII.GetBytes(MissingVersion)))
                {
                    var flags = BinaryPrimitives.ReadUInt16LittleEndian(image[(auxiliary + 4)..]);
                    BinaryPrimitives.WriteUInt16LittleEndian(image[(auxiliary + 4)..], (ushort)(flags | WeakNeed));
                    return BinaryPrimitives.ReadUInt16LittleEndian(image[(auxiliary + 6)..]);
                }

                auxiliary += (int)BinaryPrimitives.ReadUInt32LittleEndian(image[(auxiliary + 12)..]);
            }

            var next = (int)BinaryPrimitives.ReadUInt32LittleEndian(image[(need + 12)..]);
            if (next == 0)
                throw Unexpected(library, $"no need for {MissingVersion} was found");
            need += next;
        }
    }

    private static ReadOnlySpan<byte> NameAt(ReadOnlySpan<byte> image, int offset)
    {
        var tail = image[offset..];
        return tail[..tail.IndexOf((byte)0)];
    }

    internal static DeviceException Unexpected(string library, string what) => new(
        $"'{library}' cannot be adapted to this system's older libstdc++: {what}. TorchSharp 0.107.0's library was " +
        "expected. Use a system whose libstdc++ has GLIBCXX_3.4.32 (GCC 13 or later).");
}
