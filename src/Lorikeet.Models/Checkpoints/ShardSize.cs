using System.Globalization;
using System.Text.RegularExpressions;

namespace Lorikeet.Models.Checkpoints;

/// <summary>Sizes as transformers writes <c>max_shard_size</c>: "5GB", "500MB", "2GiB", or a number of bytes.</summary>
internal static partial class ShardSize
{
    /// <summary>The size in bytes; GB counts in powers of ten and GiB in powers of two.</summary>
    /// <exception cref="ConfigurationException">It is no size, or zero.</exception>
    public static long Parse(string text)
    {
        var match = Pattern().Match(text.Trim());
        var bytes = match.Success
            ? double.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture) * Unit(
                match.Groups["unit"].Value.ToUpperInvariant())
            : 0;
        if (bytes is >= 1 and < long.MaxValue)
            return (long)bytes;
        throw new ConfigurationException(
            $"max_shard_size is '{text}'. A size such as 5GB, 500MB or 2GiB was expected.");
    }

    private static double Unit(string name) => name switch
    {
        "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "KIB" => 1L << 10,
        "MIB" => 1L << 20,
        "GIB" => 1L << 30,
        _ => 1,
    };

    [GeneratedRegex(
        @"^(?<number>\d+(\.\d+)?) ?(?<unit>([KMG]i?)?B)?$", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex Pattern();
}
