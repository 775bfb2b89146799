using System.Globalization;
using System.Text.RegularExpressions;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Generation;

namespace Lorikeet.Models.Verification;

/// <summary>
/// Token sequences that another library generated from the beginning of the first row: <c>greedy</c>,
/// <c>beamN</c> (N beams) and <c>batched_leftpad_greedy</c> (more rows, padded on the left, that begin alike).
/// </summary>
internal sealed partial class ExpectedTokens
{
    // Prompts are the first twelve tokens of a row, where the file does not show another length.
    private const int PromptLength = 12;

    private readonly int[][] _sequences;
    private readonly int[][] _prompts;

    private ExpectedTokens(int[][] sequences, int[][] prompts, int beams) =>
        (_sequences, _prompts, Beams) = (sequences, prompts, beams);

    private int Beams { get; }

    /// <summary>Reads the sequences under a name; null when the name stands for something else.</summary>
    /// <exception cref="CheckpointException">They do not begin as the first row of <c>input_ids</c> does.</exception>
    public static ExpectedTokens? TryRead(ITensorSource file, string name, int[] firstRow)
    {
        var match = Name().Match(name);
        if (!match.Success)
            return null;
        var sequences = ExpectedRows.Matrix(file, name);
        var shared = sequences[0].Zip(firstRow).TakeWhile(pair => pair.First == pair.Second).Count();
        shared = Math.Min(shared, sequences[0].Length - 1);
        if (shared == 0)
        {
            throw new CheckpointException(
                $"'{name}' in '{file}' does not begin as input_ids do. It was expected to continue the first row.");
        }

        // A greedy continuation is the same from any prompt along its way; beams are scored from the prompt's end.
        var length = name == "greedy" ? shared : Math.Min(shared, PromptLength);
        var prompt = firstRow[..length];
        int[][] prompts = [.. sequences.Select((row, i) => i == 0 ? prompt : Unpadded(row, prompt, name, file))];
        var beams = match.Groups["beams"] is { Success: true } number
            ? int.Parse(number.Value, CultureInfo.InvariantCulture)
            : 1;
        return new ExpectedTokens(sequences, prompts, beams);
    }

    /// <summary>Generates from the same prompts and counts the tokens that differ.</summary>
    public TensorVerdict Compare(string name, TextGenerator generator, IReadOnlyList<int> endTokens)
    {
        var width = _prompts.Max(prompt => prompt.Length);
        var options = new GenerationOptions
        {
            EndTokens = endTokens,
            MaxNewTokens = _sequences[0].Length - width,
            Beams = Beams,
        };
        var result = generator.Generate(_prompts, options);
        var wanted = _sequences.Select(row => UpToEnd(row[width..], endTokens)).ToArray();
        var different = wanted
            .Zip(result.Continuations, (row, continuation) => Different(row, continuation.OutputIds)).Sum();
        return new TensorVerdict(name, wanted.Sum(row => row.Length), different, 0);
    }

    private static int Different(int[] wanted, IReadOnlyList<int> actual) =>
        wanted.Zip(actual).Count(pair => pair.First != pair.Second) + Math.Abs(wanted.Length - actual.Count);

    /// <summary>What follows the end token is padding.</summary>
    private static int[] UpToEnd(int[] row, IReadOnlyList<int> endTokens)
    {
        var end = Array.FindIndex(row, endTokens.Contains);
        return end < 0 ? row : row[..(end + 1)];
    }

    private static int[] Unpadded(int[] row, int[] prompt, string name, ITensorSource file)
    {
        for (var padding = 1; padding < prompt.Length; padding++)
        {
            if (row.AsSpan(padding, prompt.Length - padding).SequenceEqual(prompt.AsSpan(0, prompt.Length - padding)))
                return prompt[..(prompt.Length - padding)];
        }

        throw new CheckpointException(
            $"A row of '{name}' in '{file}' is not the beginning of the first row after padding on the left. " +
            "Write the file again.");
    }

    [GeneratedRegex(@"^(greedy|batched_leftpad_greedy|beam(?<beams>\d+))$")]
    private static partial Regex Name();
}
