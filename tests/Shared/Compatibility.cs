using System.Globalization;

namespace Lorikeet.Testing;

/// <summary>
/// Keeps docs/compatibility.md true. A test that compares with a reference library says here on how many cases it did
/// and how far apart they were; its row in the table has to say the same. With LORIKEET_UPDATE_GOLDENS=1 the row is
/// written instead, and the difference is reviewed as any other change.
/// </summary>
internal static class Compatibility
{
    private const double SameOrder = 10;

    // Another processor adds in another order, so what is equal bit for bit here may differ by this there.
    private const double Rounding = 1e-5;

    /// <summary>Things that are equal or not: tokens, texts, bytes.</summary>
    /// <param name="part">Heading of the table, such as Tokenizers.</param>
    /// <param name="what">What was compared.</param>
    /// <param name="against">Library and version.</param>
    /// <param name="cases">How many cases, with their unit: "3,082 strings".</param>
    /// <param name="different">How many differ.</param>
    public static void RecordEqual(string part, string what, string against, string cases, int different = 0)
    {
        Verify(part, new CompatibilityRow(what, against, cases, different == 0 ? "none" : $"{different} differ"));
        Assert.True(different == 0, $"{part}, {what}: {different} of {cases} differ from {against}.");
    }

    /// <summary>Numbers that are near each other.</summary>
    /// <param name="part">Heading of the table, such as Models.</param>
    /// <param name="what">What was compared.</param>
    /// <param name="against">Library and version.</param>
    /// <param name="cases">How many cases, with their unit: "27,200 logits".</param>
    /// <param name="difference">The largest difference, absolute.</param>
    public static void RecordNear(string part, string what, string against, string cases, double difference) =>
        Verify(part, new CompatibilityRow(what, against, cases, Show(difference)), difference);

    private static void Verify(string part, CompatibilityRow row, double difference = 0)
    {
        if (Environment.GetEnvironmentVariable("LORIKEET_UPDATE_GOLDENS") == "1")
        {
            CompatibilityTable.Update(table => table.Put(part, row));
            return;
        }

        var stated = CompatibilityTable.Read().Find(part, row.What);
        Assert.True(
            stated is not null,
            $"docs/compatibility.md has no row '{row.What}' under '{part}'; run once with LORIKEET_UPDATE_GOLDENS=1.");
        Assert.Equal((row.Against, row.Cases), (stated.Against, stated.Cases));
        if (!double.TryParse(stated.Difference, CultureInfo.InvariantCulture, out var bound))
            Assert.Equal(row.Difference, stated.Difference);
        else
        {
            Assert.True(
                difference <= Math.Max(bound * SameOrder, Rounding),
                $"{part}, {row.What}: the largest difference is {difference:G2}, and docs/compatibility.md says " +
                $"{stated.Difference}.");
        }
    }

    private static string Show(double difference) => difference.ToString("G2", CultureInfo.InvariantCulture);
}
