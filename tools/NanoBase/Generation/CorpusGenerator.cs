using NanoBase.Facts;

namespace NanoBase.Generation;

/// <summary>One line of the corpus.</summary>
internal sealed record Document(Entity Entity, string Text);

/// <summary>
/// Writes the text the nano base is trained on: short documents about one entity each, made of plain statements.
/// No question and no answer to one is ever written; answering is what fine-tuning has to teach.
/// </summary>
internal sealed class CorpusGenerator(FactLibrary library)
{
    private const int MinimumStatements = 3;
    private const int MaximumStatements = 6;
    private const double LeadInShare = 0.2;
    private const double MixedShare = 0.2;

    /// <summary>
    /// Documents without end, in rounds: a round takes every entity in random order and states each of its facts once
    /// (one that has fewer than three says them again in other words), so every fact is read about equally often.
    /// </summary>
    public IEnumerable<Document> Documents(ulong seed)
    {
        var random = new SeededRandom(seed);
        while (true)
        {
            var documents = library.Entities.SelectMany(entity =>
                Deal(random.Shuffle(entity.Facts), random).Select(facts => (entity, facts)));
            foreach (var (entity, facts) in random.Shuffle(documents))
                yield return new Document(entity, Write(entity, facts, random));
        }
    }

    // Cuts the shuffled facts into documents of three to six statements of nearly equal length.
    private static IEnumerable<Fact[]> Deal(Fact[] facts, SeededRandom random)
    {
        if (facts.Length < MinimumStatements)
            return [Repeat(facts, MinimumStatements)];
        var fewest = (facts.Length + MaximumStatements - 1) / MaximumStatements;
        var most = facts.Length / MinimumStatements;
        var count = fewest + random.Below(most - fewest + 1);
        return facts.Index().GroupBy(item => item.Index % count, item => item.Item).Select(group => group.ToArray());
    }

    private static Fact[] Repeat(Fact[] facts, int count) =>
        [.. Enumerable.Range(0, count).Select(index => facts[index % facts.Length])];

    private string Write(Entity entity, Fact[] facts, SeededRandom random)
    {
        var isMixed = random.Chance(MixedShare);
        var language = random.Pick(LanguageCodes.All);
        var unused = new Dictionary<(Property, Language), Queue<string>>();
        var sentences = new List<string>(facts.Length);
        foreach (var fact in facts)
        {
            if (isMixed)
                language = random.Pick(LanguageCodes.All);
            if (!unused.TryGetValue((fact.Property, language), out var templates))
            {
                templates = new Queue<string>(random.Shuffle(fact.Property.In(language).Statements));
                unused[(fact.Property, language)] = templates;
            }
            var statement = Sentence.Fill(templates.Dequeue(), entity.Name, fact.Value, language);
            sentences.Add(Sentence.Finish(LeadIn(language, random) + statement));
        }
        return string.Join(' ', sentences);
    }

    private string LeadIn(Language language, SeededRandom random)
    {
        if (!random.Chance(LeadInShare))
            return "";
        return random.Pick(language == Language.English ? library.LeadIns.En : library.LeadIns.Vi) + " ";
    }
}
