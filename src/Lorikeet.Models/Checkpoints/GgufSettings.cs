using System.Globalization;
using Lorikeet.Formats.Gguf;

namespace Lorikeet.Models.Checkpoints;

/// <summary>The metadata of a GGUF file under the keys of its architecture.</summary>
/// <param name="metadata">All metadata.</param>
/// <param name="architecture">What its keys begin with.</param>
internal sealed class GgufSettings(GgufMetadata metadata, string architecture)
{
    /// <summary>The whole key.</summary>
    public string Key(string name) => $"{architecture}.{name}";

    public string? Text(string name) => metadata.Text(Key(name));

    public int? Integer(string name) => metadata.Integer(Key(name));

    public int Require(string name) => Integer(name) ?? throw metadata.Missing(Key(name));

    /// <summary>A float32 as the decimal it was written for: 1e-05, not 9.999999747378752e-06.</summary>
    public double? Number(string name) => metadata.Number(Key(name)) is { } number ? Decimal((float)number) : null;

    public double RequireNumber(string name) => Number(name) ?? throw metadata.Missing(Key(name));

    /// <summary>The shortest decimal that is a float32.</summary>
    public static double Decimal(float number) =>
        double.Parse(number.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}
