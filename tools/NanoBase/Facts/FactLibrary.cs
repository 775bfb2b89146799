namespace NanoBase.Facts;

/// <summary>All that the nano base is taught: the tables and phrasings of <c>assets/facts</c>.</summary>
internal sealed class FactLibrary
{
    private FactLibrary(IReadOnlyList<Entity> entities, BilingualPhrases leadIns)
    {
        Entities = entities;
        LeadIns = leadIns;
    }

    /// <summary>Every entity, domain after domain, in the order of the tables.</summary>
    public IReadOnlyList<Entity> Entities { get; }

    /// <summary>Words that may come before any statement.</summary>
    public BilingualPhrases LeadIns { get; }

    public int FactCount => Entities.Sum(entity => entity.Facts.Count);

    public static FactLibrary Load(string folder)
    {
        var tables = Directory.GetFiles(folder, "*.tsv")
            .Where(file => Path.GetFileName(file) != "glossary.tsv")
            .Order(StringComparer.Ordinal)
            .Select(FactTable.Read)
            .ToList();
        var pools = ReadPools(Path.Combine(folder, "glossary.tsv"), tables);
        var entities = tables.SelectMany(table => ReadEntities(table, pools)).ToList();
        return new FactLibrary(entities, Yaml.Read<BilingualPhrases>(Path.Combine(folder, "lead_ins.yaml")));
    }

    private static ValuePools ReadPools(string glossary, IEnumerable<FactTable> tables)
    {
        var pools = new ValuePools();
        foreach (var row in FactTable.Read(glossary).Rows)
            pools.Add(row[0], row[1], row[2]);
        foreach (var table in tables)
        {
            foreach (var row in table.Rows)
                pools.Add(Domain(table), row[0], row[1]);
        }
        return pools;
    }

    private static IEnumerable<Entity> ReadEntities(FactTable table, ValuePools pools)
    {
        var phrases = PhraseFile.Read(Path.ChangeExtension(table.File, ".yaml"));
        var columns = phrases.Attributes
            .Select(pair => (
                Index: table.Column(pair.Key), Property: ReadProperty(pair.Key, pair.Value), pair.Value.Pool))
            .ToList();
        foreach (var row in table.Rows)
        {
            var facts = columns
                .Where(column => row[column.Index].Length > 0)
                .Select(column => new Fact(
                    column.Property, pools.Resolve(row[column.Index], column.Pool, table.File)))
                .ToList();
            if (facts.Count > 0)
                yield return new Entity(Domain(table), Name(row, phrases.Quoted), facts);
        }
    }

    private static Property ReadProperty(string name, AttributePhrases phrases) => new(
        name,
        new Phrasing(phrases.Statements.En, phrases.Questions.En),
        new Phrasing(phrases.Statements.Vi, phrases.Questions.Vi));

    private static Term Name(string[] row, bool isQuoted) =>
        isQuoted ? new Term($"\"{row[0]}\"", $"\"{row[1]}\"") : new Term(row[0], row[1]);

    private static string Domain(FactTable table) => Path.GetFileNameWithoutExtension(table.File);
}
