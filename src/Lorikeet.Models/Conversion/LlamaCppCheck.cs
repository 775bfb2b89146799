using Lorikeet.Data.Prompts;
using Lorikeet.Formats.Gguf;
using Lorikeet.Text.Tokenization;
using Lorikeet.Text.Tokenization.Gguf;

namespace Lorikeet.Models.Conversion;

/// <summary>
/// How llama.cpp, by its own rules, cuts up what an exported file will be asked, compared with the tokens trained on.
/// </summary>
/// <param name="Prompts">Conversations that the chat template renders.</param>
/// <param name="EqualPrompts">Those with the trained tokens.</param>
/// <param name="Texts">Texts of the fixed set.</param>
public sealed record LlamaCppCheck(int Prompts, int EqualPrompts, int Texts)
{
    /// <summary>Texts of the fixed set that llama.cpp cuts into other tokens.</summary>
    public IReadOnlyList<string> DifferentTexts => [.. Different.Select(probe => probe.Text)];

    /// <summary>The same with what each is an example of.</summary>
    internal IReadOnlyList<TokenizerProbe> Different { get; init; } = [];

    /// <summary>What cannot be reproduced there, in sentences; none where all is equal.</summary>
    public IEnumerable<string> Notes
    {
        get
        {
            if (EqualPrompts < Prompts)
            {
                yield return
                    $"llama.cpp will cut {Prompts - EqualPrompts} of {Prompts} conversations up otherwise than " +
                    "training did, so it may answer otherwise. GGUF cannot say this tokenizer; send token ids where " +
                    "answers have to be the same.";
            }

            if (Different.Count == 0)
                yield break;
            var kinds = Different.GroupBy(probe => probe.Kind)
                .Select(group => $"{group.Key} ({group.Count()}, such as {Show(group.First().Text)})");
            yield return $"llama.cpp cuts up otherwise than the tokenizer: {string.Join("; ", kinds)}.";
        }
    }

    /// <summary>For display: "6 of 6 prompts, 55 of 57 texts as the model's own".</summary>
    public override string ToString() =>
        (Prompts > 0 ? $"{EqualPrompts} of {Prompts} prompts, " : "") +
        $"{Texts - Different.Count} of {Texts} texts as the model's own";

    /// <summary>Reads a file's tokenizer and template by llama.cpp's rules.</summary>
    /// <param name="source">What was exported.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="path">The file.</param>
    internal static LlamaCppCheck? Of(ExportSource source, Tokenizer tokenizer, string path)
    {
        using var file = GgufFile.Open(path);
        if (LlamaCppTokenizer.Of(file.Metadata) is not { } judge)
            return null;
        var probes = TokenizerProbe.For(tokenizer);
        var different = probes.Where(probe => !judge.Encode(probe.Text).SequenceEqual(tokenizer.Encode(probe.Text).Ids))
            .ToList();
        if (source.Format() is not { } format || file.Metadata.Text(GgufKeys.ChatTemplate) is not { } template)
            return new LlamaCppCheck(0, 0, probes.Count) { Different = different };

        var there = PromptFormats.OfTemplate("file", template, tokenizer);
        var encoder = new TextEncoder(tokenizer);
        var rendered = ExportPrompts.Render(format).Zip(ExportPrompts.Render(there))
            .Where(pair => pair.First is not null).ToList();
        var equal = rendered.Count(pair => pair.Second is not null
            && judge.EncodePrompt(pair.Second).SequenceEqual(encoder.EncodePrompt(pair.First!)));
        return new LlamaCppCheck(rendered.Count, equal, probes.Count) { Different = different };
    }

    private static string Show(string text) =>
        "'" + text.Replace("\n", "\\n").Replace("\r", "\\r").Replace("\t", "\\t") + "'";
}
