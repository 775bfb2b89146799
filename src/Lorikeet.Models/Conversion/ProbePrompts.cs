using Lorikeet.Formats;
using Lorikeet.Models.Decoder;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Models.Conversion;

/// <summary>Prompts to compare two models on.</summary>
internal static class ProbePrompts
{
    private const int DrawnPrompts = 4;
    private const int DrawnLength = 32;

    /// <summary>Text in two languages, a dialogue and code.</summary>
    public static IReadOnlyList<string> Texts { get; } =
    [
        "The capital of France is Paris, and the capital of Viet Nam is",
        "Thủ đô của Việt Nam là Hà Nội. Thành phố lớn nhất là",
        "### Human: Explain in one sentence why the sky is blue.### Assistant:",
        "def fibonacci(n):\n    if n < 2:\n        return n\n    return",
        "Once upon a time, there was a little girl who",
    ];

    /// <summary><see cref="Texts"/> as tokens; fixed random ids where there is no tokenizer.</summary>
    public static IReadOnlyList<int[]> For(ModelConfig config, Tokenizer? tokenizer)
    {
        if (tokenizer is not null)
            return [.. Texts.Select(text => tokenizer.Encode(text).Ids.Take(config.MaxPositions).ToArray())];
        var length = Math.Min(DrawnLength, config.MaxPositions);
        return [.. Enumerable.Range(0, DrawnPrompts).Select(prompt => Draw(prompt, length, config.VocabularySize))];
    }

    private static int[] Draw(int prompt, int length, int vocabulary) =>
        [.. Enumerable.Range(0, length).Select(position =>
            (int)(CounterRandom.Hash(0, RandomPurpose.Initialization, (ulong)prompt, (ulong)position) % (
                ulong)vocabulary))];
}
