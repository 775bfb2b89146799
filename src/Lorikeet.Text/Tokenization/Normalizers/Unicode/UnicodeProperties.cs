using System.Collections;
using System.Globalization;
using System.Text;

namespace Lorikeet.Text.Tokenization.Normalizers.Unicode;

/// <summary>Combining classes, decompositions and compositions, read from the table beside this file.</summary>
/// <remarks>
/// The runtime's own normalization needs ICU, which Lorikeet runs without, and says nothing about which character
/// became which.
/// </remarks>
internal sealed class UnicodeProperties
{
    private static readonly Lazy<UnicodeProperties> s_instance = new(() => new UnicodeProperties());

    private readonly BitArray _unstable = new(0x110000);
    private readonly Dictionary<int, byte> _classes = [];
    private readonly Dictionary<int, Rune[]> _canonical = [];
    private readonly Dictionary<int, Rune[]> _compatible = [];
    private readonly Dictionary<(int, int), Rune> _compositions = [];

    private UnicodeProperties()
    {
        const string Resource = "Lorikeet.Text.Tokenization.Normalizers.Unicode.UnicodeProperties.txt";
        using var stream = typeof(UnicodeProperties).Assembly.GetManifestResourceStream(Resource)!;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
            ReadLine(line.Split(' '));
        foreach (var value in UnstableCharacters())
            _unstable[value] = true;
    }

    public static UnicodeProperties Instance => s_instance.Value;

    /// <summary>Where among the marks on a letter a character belongs; 0 for what is no mark.</summary>
    public int CombiningClass(Rune rune) => _classes.GetValueOrDefault(rune.Value);

    /// <summary>The character the two compose to, if they do.</summary>
    public Rune? Compose(Rune first, Rune second) =>
        Hangul.Compose(first, second)
        ?? (_compositions.TryGetValue((first.Value, second.Value), out var composed) ? composed : null);

    /// <summary>Appends the character's full decomposition.</summary>
    public void Decompose(Rune rune, bool compatible, List<Rune> output)
    {
        if (Hangul.TryDecompose(rune, output))
            return;
        if (compatible && _compatible.TryGetValue(rune.Value, out var parts))
        {
            output.AddRange(parts);
        }
        else if (_canonical.TryGetValue(rune.Value, out parts))
        {
            foreach (var part in parts)
                Decompose(part, compatible, output);
        }
        else
        {
            output.Add(rune);
        }
    }

    /// <summary>Whether composing text may change the character or its neighbours (<c>NFC_QC</c> is not Yes).</summary>
    public bool MayChangeWhenComposed(Rune rune) => _unstable[rune.Value];

    // Marks, seconds of compositions, and what decomposes for good.
    private IEnumerable<int> UnstableCharacters() =>
    [
        .. _classes.Keys,
        .. _compositions.Keys.Select(pair => pair.Item2),
        .. _canonical.Keys.Except(_compositions.Values.Select(composed => composed.Value)),
        .. Hangul.SecondParts,
    ];

    private void ReadLine(string[] fields)
    {
        switch (fields[0])
        {
            case "C":
                foreach (var range in fields[2..])
                    AddClass(byte.Parse(fields[1], CultureInfo.InvariantCulture), range);
                break;
            case "=":
                var parts = Runes(fields[2..]);
                _canonical.Add(CodePoint(fields[1]), parts);
                _compositions.Add((parts[0].Value, parts[1].Value), new Rune(CodePoint(fields[1])));
                break;
            case ">":
                _canonical.Add(CodePoint(fields[1]), Runes(fields[2..]));
                break;
            case "~":
                _compatible.Add(CodePoint(fields[1]), Runes(fields[2..]));
                break;
        }
    }

    private void AddClass(byte combiningClass, string range)
    {
        var ends = range.Split('-');
        for (var value = CodePoint(ends[0]); value <= CodePoint(ends[1]); value++)
            _classes.Add(value, combiningClass);
    }

    private static Rune[] Runes(string[] fields) => [.. fields.Select(field => new Rune(CodePoint(field)))];

    private static int CodePoint(string hex) =>
        int.Parse(hex, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
