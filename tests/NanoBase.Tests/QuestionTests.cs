using NanoBase.Facts;
using NanoBase.Generation;

namespace NanoBase.Tests;

public sealed class QuestionTests
{
    [Fact]
    public void CommittedFiles_AreWhatTheGeneratorWrites()
    {
        var (training, evaluation) = QuestionsCommand.Write(RepositoryFacts.Library);
        Assert.Equal(training, RepositoryFacts.Lines("train.jsonl"));
        Assert.Equal(evaluation, RepositoryFacts.Lines("eval.jsonl"));
    }

    [Fact]
    public void Evaluation_AsksEnoughInBothLanguages()
    {
        var rows = RepositoryFacts.Rows("eval.jsonl");
        Assert.True(rows.Count >= 500);
        Assert.All(LanguageCodes.All, language =>
            Assert.InRange(rows.Count(row => row.Language == language.Code()), rows.Count * 0.45, rows.Count * 0.55));
    }

    [Fact]
    public void EvaluationEntities_AreNeverAskedAboutInTraining()
    {
        var trained = NamesOf("train.jsonl").ToHashSet(StringComparer.OrdinalIgnoreCase);
        Assert.Empty(NamesOf("eval.jsonl").Where(trained.Contains).Distinct());
    }

    [Fact]
    public void EvaluationKinds_AllOccurInTraining()
    {
        var trained = RepositoryFacts.Rows("train.jsonl").Select(Kind).ToHashSet();
        Assert.Empty(RepositoryFacts.Rows("eval.jsonl").Select(Kind).Where(kind => !trained.Contains(kind)).Distinct());
    }

    [Fact]
    public void EvaluationAnswers_AreStatedInTheCorpus()
    {
        var documents = new CorpusGenerator(RepositoryFacts.Library).Documents(1).Take(60_000)
            .ToLookup(document => document.Entity, document => document.Text);
        Assert.All(RepositoryFacts.Rows("eval.jsonl"), row =>
        {
            var entity = RepositoryFacts.Library.Entities.Single(entity =>
                entity.Domain == row.Domain
                && LanguageCodes.All.Any(language => row.Language == language.Code()
                    && entity.Name.In(language).Trim('"') == row.Entity));
            Assert.Contains(documents[entity], text =>
                text.Contains(row.Entity, StringComparison.OrdinalIgnoreCase)
                && text.Contains(row.Answer, StringComparison.OrdinalIgnoreCase));
        });
    }

    // Both names of an entity, so that a translation cannot slip through.
    private static IEnumerable<string> NamesOf(string file)
    {
        var names = RepositoryFacts.Library.Entities
            .SelectMany(entity => LanguageCodes.All.Select(language =>
                (Key: (entity.Domain, entity.Name.In(language).Trim('"')), entity.Name)))
            .ToLookup(pair => pair.Key, pair => pair.Name);
        return RepositoryFacts.Rows(file)
            .SelectMany(row => names[(row.Domain, row.Entity)])
            .SelectMany(name => new[] { name.English, name.Vietnamese });
    }

    private static (string, string, string) Kind(QuestionRow row) => (row.Domain, row.Attribute, row.Language);
}
