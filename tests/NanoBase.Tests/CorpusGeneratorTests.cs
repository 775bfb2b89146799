using NanoBase.Generation;

namespace NanoBase.Tests;

public sealed class CorpusGeneratorTests
{
    private static readonly CorpusGenerator _generator = new(RepositoryFacts.Library);

    private static IEnumerable<string> Texts(ulong seed) =>
        _generator.Documents(seed).Select(document => document.Text);

    [Fact]
    public void Documents_AreTheSameForTheSameSeed()
    {
        Assert.Equal(Texts(7).Take(500), Texts(7).Take(500));
        Assert.NotEqual(Texts(7).Take(500), Texts(8).Take(500));
    }

    [Fact]
    public void Documents_HoldNoQuestionAndNoPromptMark() =>
        Assert.All(Texts(1).Take(20_000), text =>
            Assert.DoesNotContain(text, mark => mark is '?' or '#'));

    [Fact]
    public void Documents_HoldThreeToSixStatementsOnOneLine() =>
        Assert.All(Texts(1).Take(2_000), text =>
        {
            Assert.DoesNotContain("$", text, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', text);
            Assert.True(text.Length is > 40 and < 1500, text);
        });

    [Fact]
    public void Round_SpeaksOfEveryEntity()
    {
        var entities = RepositoryFacts.Library.Entities;
        var round = _generator.Documents(3).Take(entities.Count * 2).Select(document => document.Entity).ToHashSet();
        Assert.Empty(entities.Except(round));
    }
}
