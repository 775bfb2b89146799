namespace Lorikeet.Text.Tokenization.Models;

/// <summary>Two neighbouring tokens that become one.</summary>
/// <param name="Left">The first token.</param>
/// <param name="Right">The second token.</param>
/// <param name="Rank">The lower, the earlier; of merges with the same rank the leftmost in the text goes first.</param>
internal readonly record struct BpeMerge(string Left, string Right, int Rank);
