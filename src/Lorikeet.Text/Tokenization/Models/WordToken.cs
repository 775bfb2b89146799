namespace Lorikeet.Text.Tokenization.Models;

/// <summary>A token and the units of its word that it covers.</summary>
internal readonly record struct WordToken(int Id, int Start, int End);
