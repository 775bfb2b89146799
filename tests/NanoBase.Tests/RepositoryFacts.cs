using Lorikeet.Testing;
using NanoBase.Facts;
using NanoBase.Generation;

namespace NanoBase.Tests;

/// <summary>The committed facts and questions.</summary>
internal static class RepositoryFacts
{
    private static readonly Lazy<FactLibrary> _library = new(() => FactLibrary.Load(Path("assets", "facts")));

    public static FactLibrary Library => _library.Value;

    public static string Path(params string[] parts) => System.IO.Path.Combine([TestAssets.Root, .. parts]);

    public static string[] Lines(string name) => File.ReadAllLines(Path("assets", "facts-qa", name));

    public static IReadOnlyList<QuestionRow> Rows(string name) => [.. Lines(name).Select(QuestionRow.Parse)];
}
