using NanoBase.Generation;

namespace NanoBase.Tests;

public sealed class CorpusGeneratorTests
{
    private static readonly CorpusGenerator _generator = new(RepositoryFacts.Library);

    [Fact]
    public void Documents_AreTheSameForTheSameSeed()
    {
        Assert.Equal(_generator.Documents(7).Take(500), _generator.Documents(7).Take(500));
        Assert.NotEqual(_generator.Documents(7).Take(500), _generator.Documents(8).Take(500));
    }

    [Fact]
    public void Documents_HoldNoQuestionAndNoPromptMark() =>
        Assert.All(_generator.Documents(1).Take(20_000), text =>
            Assert.DoesNotContain(text, mark => mark is '?' or '#'));

    [Fact]
    public void Documents_HoldThreeToSixStatementsOnOneLine() =>
        Assert.All(_generator.Documents(1).Take(2_000), text =>
        {
            Assert.DoesNotContain("$", text, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', text);
            Assert.True(text.Length is > 40 and < 1500, text);
        });

    [Fact]
    public void Round_SpeaksOfEveryEntity()
    {
        var names = RepositoryFacts.Library.Entities;
        var round = string.Join('\n', _generator.Documents(3).Take(names.Count * 2));
        Assert.All(names, entity => Assert.True(
            round.Contains(entity.Name.English, StringComparison.OrdinalIgnoreCase)
            || round.Contains(entity.Name.Vietnamese, StringComparison.OrdinalIgnoreCase), entity.Name.English));
    }
}
