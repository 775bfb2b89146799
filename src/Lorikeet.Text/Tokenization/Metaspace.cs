namespace Lorikeet.Text.Tokenization;

/// <summary>The visible character that SentencePiece writes for a space.</summary>
internal static class Metaspace
{
    public const char Symbol = '\u2581';
}
