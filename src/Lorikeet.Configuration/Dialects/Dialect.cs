using static Lorikeet.Configuration.ForeignMeaning;

namespace Lorikeet.Configuration.Dialects;

/// <summary>
/// The configuration files of another trainer. Names that mean something else there, its defaults, and how its lists
/// of datasets are written; whatever a dialect does not know goes on as a name of Lorikeet's, which refuses what is
/// none.
/// </summary>
internal abstract class Dialect
{
    protected const string OneProcess =
        "How processes share the work is set by 'num_processes', 'zero_stage', 'shard_base' and "
        + "'context_parallel_size'.";
    protected const string OwnModel = "Lorikeet computes the model itself and chooses the fastest form.";
    protected const string NoPadding = "Batches hold no padding, and rows in one never see each other.";
    protected const string NoTracker = "Event files for TensorBoard are written; report_to mlflow tells MLflow too.";
    protected const string OwnTokenizer = "The model's own tokenizer and special tokens are used.";
    protected const string OtherVerb = "It is no part of training; see the other verbs.";
    protected const string TextOnly = "Models of text are trained.";
    protected const string Absent = "It is not implemented, and would change the result. Remove it to train without.";

    private static readonly Dialect[] All = [new AxolotlDialect(), new LlamaFactoryDialect(), new UnslothDialect()];

    /// <summary>What the trainer is called.</summary>
    public abstract string Name { get; }

    /// <summary>Names that only this trainer uses, by which its files are recognised.</summary>
    protected abstract IReadOnlyList<string> Marks { get; }

    /// <summary>What its names come to with a value.</summary>
    protected abstract IReadOnlyDictionary<string, Func<string, ForeignMeaning?>> Names { get; }

    /// <summary>Beginnings of names that all have no effect here, with the reason.</summary>
    protected abstract IReadOnlyList<(string Start, string Reason)> Idle { get; }

    /// <summary>What a run has there when its file does not say.</summary>
    protected abstract IEnumerable<(string Name, string Value)> Defaults(Translation file);

    /// <summary>The trainer whose file this is; null for one of Lorikeet's, or of transformers and trl.</summary>
    public static Dialect? Recognise(IReadOnlyList<FileEntry> entries) => Array.Find(All, dialect =>
        entries.Any(entry => dialect.Marks.Contains(OptionCatalog.Normalise(entry.Key))));

    /// <summary>Translates a file.</summary>
    /// <param name="entries">What it holds.</param>
    /// <param name="path">Where it lies.</param>
    public Translation Translate(IReadOnlyList<FileEntry> entries, string path)
    {
        var translation = new Translation(entries, path);
        foreach (var entry in entries)
        {
            var name = OptionCatalog.Normalise(entry.Key);
            if (!Take(name, entry, translation))
                Translate(name, entry, translation);
        }
        translation.Defaults.AddRange(Defaults(translation).Select(pair =>
            new FileEntry(pair.Name, 0, new RawValue.Scalar(pair.Value), null)));
        return translation;
    }

    /// <summary>Translates what takes more than its own value; false for all else.</summary>
    protected abstract bool Take(string name, FileEntry entry, Translation into);

    protected static Func<string, ForeignMeaning?> Is(string option) => value => new Same((option, value));

    protected static Func<string, ForeignMeaning?> NoEffectFor(string reason) => _ => new NoEffect(reason);

    protected static Func<string, ForeignMeaning?> OnlyOff(string reason) =>
        value => IsOff(value) ? new Same() : new Refused(reason);

    protected static Func<string, ForeignMeaning?> Choice(
        string reason, params (string Value, ForeignMeaning Meaning)[] known) =>
        value => known.FirstOrDefault(pair => pair.Value.Equals(value, StringComparison.OrdinalIgnoreCase)).Meaning
            ?? new Refused(reason);

    /// <summary>Translates an entry by its own value.</summary>
    protected void Translate(string name, FileEntry entry, Translation into)
    {
        var value = entry.Value?.Display ?? (entry.Items is null ? "{...}" : "[...]");
        var isUnset = entry.Value is RawValue.Scalar { Text: null or "" } || entry.Inner is { Count: 0 };
        var known = Names.GetValueOrDefault(name);
        if (known is null
            && Idle.FirstOrDefault(idle => name.StartsWith(idle.Start, StringComparison.Ordinal)) is (_, { } reason))
            known = NoEffectFor(reason);
        if (known is null)
        {
            into.Entries.Add(entry);
            return;
        }

        // Their files list every name, most of them empty.
        if (!isUnset)
            into.Add(entry, known(value));
    }

    private static bool IsOff(string value) =>
        OptionValueReader.IsFalse(value) || value is "null" or "none" or "None" or "";
}
