using Lorikeet.Formats;
using Lorikeet.Formats.Json;
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
        if (pattern["Regex"].AsStringOrNull() is { } expression)
            return ReadRegex(pattern, expression);
        throw pattern.Unexpected("a 'String' or a 'Regex'");
    }

    private static RegexPattern ReadRegex(JsonSetting pattern, string expression)
    {
        try
        {
            return new RegexPattern(expression);
        }
        catch (Exception error) when (error is FormatException or ArgumentException or ReadingLimitException)
        {
            throw new CheckpointException(
                $"{error.Message} Expected an expression that .NET can say too, because leaving it out would change "
                + $"the tokens. '{pattern.File}'. Please report the model's name.",
                error);
        }
    }
}
