using Lorikeet.Formats;
using Lorikeet.Formats.Json;
using Lorikeet.Text.Tokenization.AddedTokens;

namespace Lorikeet.Text.Tokenization.Configuration;

/// <summary>The tokens that were added after a vocabulary was made, as the files beside it list them.</summary>
internal static class AddedTokenFile
{
    /// <param name="decoder"><c>added_tokens_decoder</c> of the configuration: id to token.</param>
    /// <param name="older"><c>added_tokens.json</c>: text to id.</param>
    public static List<AddedToken> Read(JsonSetting decoder, JsonSetting older)
    {
        var tokens = new List<AddedToken>();
        if (decoder.IsObject)
            tokens.AddRange(decoder.Members().Select(member => ReadToken(IdOf(member.Name, decoder), member.Value)));
        else if (older.IsObject)
            tokens.AddRange(older.Members().Select(member => new AddedToken(member.Value.AsTokenId(), member.Name)));
        return tokens;
    }

    /// <summary>Reads a token's text and flags.</summary>
    public static AddedToken ReadToken(int id, JsonSetting token)
    {
        var isSpecial = token["special"].AsBool(false);
        return new AddedToken(id, token["content"].AsString())
        {
            IsSpecial = isSpecial,
            IsSingleWord = token["single_word"].AsBool(false),
            StripsLeft = token["lstrip"].AsBool(false),
            StripsRight = token["rstrip"].AsBool(false),
            IsNormalized = token["normalized"].AsBool(!isSpecial),
        };
    }

    private static int IdOf(string name, JsonSetting place) =>
        int.TryParse(name, out var id) && id is >= 0 and < ReadingLimits.Vocabulary
            ? id
            : throw place.Unexpected($"token ids below {ReadingLimits.Vocabulary} as names");
}
