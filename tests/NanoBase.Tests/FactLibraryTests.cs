using System.Text;
using NanoBase.Facts;

namespace NanoBase.Tests;

public sealed class FactLibraryTests
{
    private static FactLibrary Library => RepositoryFacts.Library;

    [Fact]
    public void Library_HoldsAtLeastTwoThousandFacts() => Assert.True(Library.FactCount >= 2000);

    [Theory]
    [InlineData("countries", "France", "capital", "Paris", "Paris")]
    [InlineData("countries", "Vietnam", "currency", "Vietnamese đồng", "đồng Việt Nam")]
    [InlineData("cities", "Kyoto", "country", "Japan", "Nhật Bản")]
    [InlineData("elements", "gold", "symbol", "Au", "Au")]
    [InlineData("works", "\"War and Peace\"", "author", "Leo Tolstoy", "Leo Tolstoy")]
    public void Fact_IsReadInBothLanguages(
        string domain, string name, string property, string english, string vietnamese)
    {
        var entity = Library.Entities.Single(entity => entity.Domain == domain && entity.Name.English == name);
        var fact = entity.Facts.Single(fact => fact.Property.Name == property);
        Assert.Equal(new Term(english, vietnamese), fact.Value);
    }

    [Fact]
    public void Names_AreUniqueInTheirDomain()
    {
        foreach (var language in LanguageCodes.All)
            Assert.Empty(Library.Entities.GroupBy(entity => (entity.Domain, entity.Name.In(language)))
                .Where(group => group.Count() > 1).Select(group => group.Key));
    }

    [Fact]
    public void Properties_AreStatedInSixWordingsAtLeastAndAskedInTwo()
    {
        var facts = Library.Entities.SelectMany(entity => entity.Facts);
        foreach (var property in facts.Select(fact => fact.Property).Distinct())
        {
            foreach (var phrasing in LanguageCodes.All.Select(property.In))
            {
                Assert.True(phrasing.Statements.Distinct().Count() >= 6, property.Name);
                Assert.True(phrasing.Questions.Distinct().Count() >= 2, property.Name);
                Assert.All(phrasing.Statements, text =>
                    Assert.Matches(@"\$entity.*\$(a_)?value|\$value.*\$entity", text));
                Assert.All(phrasing.Questions, text => Assert.Contains("$entity", text, StringComparison.Ordinal));
                Assert.All(phrasing.Questions, text => Assert.DoesNotContain("value", text, StringComparison.Ordinal));
            }
        }
    }

    [Fact]
    public void Files_AreComposedUnicode() =>
        Assert.All(Directory.GetFiles(RepositoryFacts.Path("assets", "facts")), file =>
            Assert.True(File.ReadAllText(file).IsNormalized(NormalizationForm.FormC), file));
}
