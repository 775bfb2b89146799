using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Passes.Decoding;

/// <summary>What attention must know of a layer.</summary>
/// <param name="Cache">The layer's blocks.</param>
/// <param name="Shape">Its heads, how far they see, how they are scaled.</param>
/// <param name="Rotation">Tables of all positions; null where they are not rotated.</param>
internal sealed record BatchLayer(CachedLayer Cache, AttentionShape Shape, RotaryTables? Rotation);
