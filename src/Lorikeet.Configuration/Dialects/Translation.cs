using static Lorikeet.Configuration.ForeignMeaning;

namespace Lorikeet.Configuration.Dialects;

/// <summary>A file of another trainer as options of Lorikeet's, with what is to be said about it.</summary>
/// <param name="source">What the file holds.</param>
/// <param name="path">Where it lies.</param>
internal sealed class Translation(IReadOnlyList<FileEntry> source, string path)
{
    private readonly Dictionary<string, List<string>> _idle = [];
    private readonly List<string> _notes = [];
    private readonly string _file = System.IO.Path.GetFileName(path);

    /// <summary>The folder of the file.</summary>
    public string Folder => System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;

    /// <summary>The options it is translated to, with the lines they come from.</summary>
    public List<FileEntry> Entries { get; } = [];

    /// <summary>The options that it leaves to the other trainer's defaults.</summary>
    public List<FileEntry> Defaults { get; } = [];

    /// <summary>What must be fixed.</summary>
    public List<string> Problems { get; } = [];

    /// <summary>What has no effect, a line for each reason, and what is only nearly the same.</summary>
    public IEnumerable<string> Warnings => _notes.Concat(_idle.Select(pair =>
        $"{_file}: {string.Join(", ", pair.Value)} {(pair.Value.Count == 1 ? "has" : "have")} no effect here. " +
        $"{pair.Key}"));

    /// <summary>An entry of the file; null when it is not there or empty.</summary>
    public FileEntry? Find(string name) => source.FirstOrDefault(entry =>
        OptionCatalog.Normalise(entry.Key) == name && entry.Value is not RawValue.Scalar { Text: null or "" });

    /// <summary>The text of an entry of the file; null when it is not there or empty.</summary>
    public string? TextOf(string name) => Find(name)?.Value?.Display;

    /// <summary>Whether an entry of the file says yes.</summary>
    public bool IsOn(string name) => TextOf(name) is { } text && OptionValueReader.IsTrue(text);

    /// <summary>Adds the translation of an entry.</summary>
    public void Add(FileEntry entry, ForeignMeaning? meaning)
    {
        switch (meaning)
        {
            case Same same:
                foreach (var (name, value) in same.Settings)
                    Set(entry, name, value);
                if (same.Note is { } note)
                    _notes.Add($"{_file}:{entry.Line}: '{entry.Key}': {note}");
                break;
            case NoEffect none when entry.Value is null || !OptionValueReader.IsFalse(entry.Value.Display):
                if (!_idle.TryGetValue(none.Reason, out var names))
                    _idle[none.Reason] = names = [];
                names.Add(entry.Key);
                break;
            case Refused refused:
                Refuse(entry, refused.Reason);
                break;
            case null:
                Entries.Add(entry);
                break;
        }
    }

    /// <summary>Sets an option to what an entry says.</summary>
    public void Set(FileEntry entry, string name, string value) =>
        Entries.Add(new FileEntry(name, entry.Line, new RawValue.Scalar(value), null) { Spelled = entry.Key });

    /// <summary>Sets an option to several texts.</summary>
    public void Set(FileEntry entry, string name, IReadOnlyList<string> values) =>
        Entries.Add(
            new FileEntry(name, entry.Line, new RawValue.Sequence(values) { AreWhole = true }, null)
            { Spelled = entry.Key });

    /// <summary>Refuses an entry.</summary>
    public void Refuse(FileEntry entry, string reason)
    {
        var value = entry.Value is { } plain
            ? $" is '{Lorikeet.Formats.VisibleText.InOneLine(plain.Display, 100)}'"
            : "";
        Problems.Add($"{_file}:{entry.Line}: '{entry.Key}'{value}{(value.Length > 0 ? "." : " is set.")} {reason}");
    }
}
