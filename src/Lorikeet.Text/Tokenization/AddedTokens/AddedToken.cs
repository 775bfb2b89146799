namespace Lorikeet.Text.Tokenization.AddedTokens;

/// <summary>A token that is looked for in the text before the model sees it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">Its text.</param>
/// <param name="IsSpecial">Whether decoding may skip it.</param>
/// <param name="IsSingleWord">Whether it counts only where no word character touches it.</param>
/// <param name="StripsLeft">Whether it takes the white space before it.</param>
/// <param name="StripsRight">Whether it takes the white space after it.</param>
/// <param name="IsNormalized">Whether it is looked for in the normalized text instead of the original.</param>
internal sealed record AddedToken(
    int Id,
    string Content,
    bool IsSpecial = false,
    bool IsSingleWord = false,
    bool StripsLeft = false,
    bool StripsRight = false,
    bool IsNormalized = false);
