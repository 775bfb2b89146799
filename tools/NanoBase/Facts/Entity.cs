namespace NanoBase.Facts;

/// <summary>Something the facts are about: a country, an element, a novel ...</summary>
/// <param name="Domain">The table it stands in, such as <c>countries</c>.</param>
/// <param name="Name">Its name as sentences write it (works carry their quotation marks).</param>
/// <param name="Facts">What is known of it; at least one.</param>
internal sealed record Entity(string Domain, Term Name, IReadOnlyList<Fact> Facts);

/// <summary>One value of one property.</summary>
internal sealed record Fact(Property Property, Term Value);

/// <summary>A column of a table, and the words in which it is stated and asked.</summary>
internal sealed record Property(string Name, Phrasing English, Phrasing Vietnamese)
{
    public Phrasing In(Language language) => language == Language.English ? English : Vietnamese;
}

/// <summary>
/// Templates in one language. Statements begin in lower case and have no full stop, so that a lead-in can come first;
/// questions are complete. <c>$entity</c>, <c>$value</c> and <c>$a_value</c> (with "a" or "an") are filled in.
/// </summary>
internal sealed record Phrasing(IReadOnlyList<string> Statements, IReadOnlyList<string> Questions);
