using System.ComponentModel;

namespace Lorikeet.Formats.Options;

/// <summary>
/// The documentation of an option, which the build writes into the option's assembly for help and schema.
/// </summary>
/// <param name="property">The property, with namespace and type.</param>
/// <param name="summary">What the option does.</param>
/// <param name="value">Its default, and why.</param>
[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class OptionTextAttribute(string property, string summary, string value) : Attribute
{
    /// <summary>The property, with namespace and type.</summary>
    public string Property { get; } = property;

    /// <summary>What the option does.</summary>
    public string Summary { get; } = summary;

    /// <summary>Its default, and why.</summary>
    public string Value { get; } = value;
}
