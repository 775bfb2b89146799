using System.IO.Compression;
using Lorikeet.Formats;
using UglyToad.PdfPig.Filters;
using UglyToad.PdfPig.Tokens;

namespace Lorikeet.Documents.Reading;

/// <summary>The filters of PDF, of which none unpacks to more than the bounds allow.</summary>
internal sealed class BoundedFilters : IFilterProvider
{
    private const long MaxStreamBytes = 64L << 20;
    private const long MaxBytes = 512L << 20;

    private readonly IFilterProvider _filters = DefaultFilterProvider.Instance;
    private long _taken;

    public IReadOnlyList<IFilter> GetFilters(DictionaryToken dictionary) => Bound(_filters.GetFilters(dictionary));

    public IReadOnlyList<IFilter> GetNamedFilters(IReadOnlyList<NameToken> names) =>
        Bound(_filters.GetNamedFilters(names));

    public IReadOnlyList<IFilter> GetAllFilters() => Bound(_filters.GetAllFilters());

    /// <summary>Fails where a stream was refused; the reader of PDF itself may have gone on without it.</summary>
    public void RequireWithin(string path)
    {
        if (_taken > MaxBytes)
        {
            throw new DatasetException(
                $"{path} unpacks to more than {Quantities.Bytes(MaxStreamBytes)} in a stream, or " +
                $"{Quantities.Bytes(MaxBytes)} in all. It is damaged, or made to do harm.");
        }
    }

    private IFilter[] Bound(IReadOnlyList<IFilter> filters) =>
        [.. filters.Select(filter => new BoundedFilter(filter, this))];

    private void Take(long bytes)
    {
        _taken = bytes > MaxStreamBytes ? long.MaxValue : _taken == long.MaxValue ? _taken : _taken + bytes;
        if (_taken > MaxBytes)
            throw new DatasetException("It unpacks to too much.");
    }

    private sealed class BoundedFilter(IFilter inner, BoundedFilters bounds) : IFilter
    {
        // What LZW and run lengths make of a byte at most.
        private const long MostOfAByte = 2048;

        public bool IsSupported => inner.IsSupported;

        public Memory<byte> Decode(
            Memory<byte> input, DictionaryToken streamDictionary, IFilterProvider filterProvider, int filterIndex)
        {
            if (inner is FlateFilter)
                bounds.Take(Unpacked(input));
            else if (inner is LzwFilter && input.Length * MostOfAByte > MaxBytes)
                bounds.Take(long.MaxValue);
            var decoded = inner.Decode(input, streamDictionary, filterProvider, filterIndex);
            if (inner is not FlateFilter)
                bounds.Take(decoded.Length);
            return decoded;
        }

        /// <summary>How many bytes come of it, counted without keeping them and no further than the bound.</summary>
        private static long Unpacked(Memory<byte> input)
        {
            const int header = 2;
            if (input.Length <= header)
                return 0;
            using var packed = new MemoryStream(input[header..].ToArray());
            using var stream = new DeflateStream(packed, CompressionMode.Decompress);
            var buffer = new byte[1 << 16];
            long count = 0;
            try
            {
                while (count <= MaxStreamBytes && stream.Read(buffer) is > 0 and var read)
                    count += read;
            }
            catch (InvalidDataException)
            {
                // Damaged streams are the reader's business.
            }

            return count;
        }
    }
}
