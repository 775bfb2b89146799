using Lorikeet.Data.Encoded;

namespace Lorikeet.Data.Conversion;

/// <summary>What a conversion wrote.</summary>
/// <param name="From">What the columns meant.</param>
/// <param name="To">What they mean in the new file.</param>
/// <param name="Rows">Rows written; each was read back and says the same.</param>
/// <param name="LeftOut">Rows that would have lost something, by reason; empty unless they may be left out.</param>
public sealed record ConversionResult(
    DatasetShape From, DatasetShape To, int Rows, IReadOnlyList<DroppedRows> LeftOut);
