using NanoBase.Facts;

namespace NanoBase.Generation;

/// <summary>
/// Writes the questions: those for training about one part of the entities, those for evaluation about the rest, so a
/// right answer in evaluation can only come from what the base model read.
/// </summary>
internal sealed class QuestionGenerator
{
    // Kinds of question with few entities are asked in several wordings until they have this many rows a language.
    private const int FewestRows = 40;

    private readonly IReadOnlyList<Candidate> _candidates;
    private readonly EntitySplit _split;
    private readonly SeededRandom _random;

    public QuestionGenerator(FactLibrary library, ulong seed)
    {
        _random = new SeededRandom(seed);
        _split = new EntitySplit(library.Entities, _random);
        _candidates =
        [
            .. from entity in library.Entities
               from fact in entity.Facts
               from language in LanguageCodes.All
               select new Candidate(entity, fact, language),
        ];
    }

    /// <summary>Questions about the other entities: every fact at least once in each language.</summary>
    public IReadOnlyList<QuestionRow> WriteTraining()
    {
        var rows = new List<QuestionRow>();
        foreach (var kind in _candidates.Where(item => !_split.IsHeldOut(item.Entity)).GroupBy(item => item.Kind))
        {
            var wordings = (FewestRows + kind.Count() - 1) / kind.Count();
            foreach (var candidate in kind)
                rows.AddRange(_random.Shuffle(candidate.Questions).Take(wordings).Select(candidate.Ask));
        }
        return _random.Shuffle(rows);
    }

    /// <summary>Questions about held-out entities, as many in each language, every kind in proportion.</summary>
    public IReadOnlyList<QuestionRow> WriteEvaluation(int count)
    {
        var heldOut = _candidates.Where(item => _split.IsHeldOut(item.Entity)).ToList();
        var chosen = LanguageCodes.All.SelectMany(language =>
            Spread(heldOut.Where(item => item.Language == language)).Take(count / LanguageCodes.All.Count));
        return _random.Shuffle(chosen.Select(candidate => candidate.Ask(_random.Pick(candidate.Questions))));
    }

    // Orders the candidates so that any beginning of the list holds every kind in proportion to its size.
    private IEnumerable<Candidate> Spread(IEnumerable<Candidate> candidates) => candidates
        .GroupBy(item => item.Kind)
        .SelectMany(kind =>
        {
            var shuffled = _random.Shuffle(kind);
            return shuffled.Select((item, index) => (item, Rank: (index + 0.5) / shuffled.Length));
        })
        .OrderBy(entry => entry.Rank)
        .Select(entry => entry.item);

    private sealed record Candidate(Entity Entity, Fact Fact, Language Language)
    {
        public (string Domain, string Attribute, Language Language) Kind =>
            (Entity.Domain, Fact.Property.Name, Language);

        public IReadOnlyList<string> Questions => Fact.Property.In(Language).Questions;

        public QuestionRow Ask(string template) => new(
            QuestionRow.Compose(
                Sentence.Fill(template, Entity.Name, Fact.Value, Language), Fact.Value.In(Language)),
            Language.Code(),
            Entity.Domain,
            Fact.Property.Name,
            Entity.Name.In(Language).Trim('"'));
    }
}
