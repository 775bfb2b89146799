using Lorikeet.Formats.Gguf;

namespace Lorikeet.Text.Tokenization.Gguf;

/// <summary>A tokenizer as metadata of a GGUF file.</summary>
/// <param name="Pairs">Keys and values; the only one of a model without a tokenizer says so.</param>
/// <param name="LeftOut">Tokens that the embedding has no row for, and that are not written.</param>
/// <param name="LeadsWithSpace">
/// Whether a space was put before the chat template, so that llama.cpp gives prompts the tokens they were trained with.
/// </param>
public sealed record DescribedTokenizer(
    IReadOnlyList<KeyValuePair<string, GgufValue>> Pairs, int LeftOut, bool LeadsWithSpace);

/// <summary>A text with the tokens it was trained on.</summary>
/// <param name="Text">The text.</param>
/// <param name="Ids">Its tokens, with those that are added around it.</param>
public sealed record TokenizedText(string Text, int[] Ids);
