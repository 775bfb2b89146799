using Lorikeet.Text.Tokenization.Configuration;
using Lorikeet.Text.Tokenization.Patterns;

namespace Lorikeet.Text.Tokenization.TokenizerJson;

/// <summary>Reads <c>{"String": ...}</c> and <c>{"Regex": ...}</c>.</summary>
internal static class PatternReader
{
    public static ITextPattern Read(JsonSetting pattern)
    {
        if (pattern.IsString)
            return new LiteralPattern(pattern.AsString());
        if (pattern["String"].AsStringOrNull() is { } literal)
            return new LiteralPattern(literal);
        throw pattern.Unexpected("a 'String' or a 'Regex'");
    }
}
