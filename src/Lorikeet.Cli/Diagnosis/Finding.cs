using System.Text.Json.Serialization;

namespace Lorikeet.Cli.Diagnosis;

/// <summary>How a finding stands.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<FindingStatus>))]
internal enum FindingStatus
{
    /// <summary>As it should be.</summary>
    [JsonStringEnumMemberName("ok")] Ok,

    /// <summary>Works, with a limit worth knowing.</summary>
    [JsonStringEnumMemberName("note")] Note,

    /// <summary>Keeps Lorikeet from working.</summary>
    [JsonStringEnumMemberName("fail")] Fail,
}

/// <summary>One thing looked at.</summary>
/// <param name="Name">What was looked at.</param>
/// <param name="Status">How it stands.</param>
/// <param name="Value">What was found.</param>
/// <param name="Advice">What to do; null when nothing.</param>
internal sealed record Finding(string Name, FindingStatus Status, string Value, string? Advice = null)
{
    public static Finding Ok(string name, string value) => new(name, FindingStatus.Ok, value);

    public static Finding Note(string name, string value, string advice) =>
        new(name, FindingStatus.Note, value, advice);

    public static Finding Fail(string name, string value, string advice) =>
        new(name, FindingStatus.Fail, value, advice);
}
