using Lorikeet.Configuration;

namespace Lorikeet.Studio.Work;

/// <summary>Settings that were made in the studio.</summary>
internal static class StudioOrigin
{
    private static readonly OptionOrigin s_origin = new(OptionSource.Code, "studio");

    /// <summary>An option with a value, as it is typed on a command line.</summary>
    public static Setting Set(string name, string value) => new(name, new RawValue.Scalar(value), s_origin);

    /// <summary>An option with several values, each whole.</summary>
    public static Setting Set(string name, IReadOnlyList<string> values) =>
        new(name, new RawValue.Sequence(values) { AreWhole = true }, s_origin);
}
