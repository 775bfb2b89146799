using System.Text.Json;
using System.Text.Json.Serialization;
using Lorikeet.Data.Encoded;
using Lorikeet.Formats;
using Lorikeet.Formats.Json;
using Lorikeet.Runs.Reports;

namespace Lorikeet.Runs;

/// <summary>
/// <c>summary.json</c>: what a run is and came to, for programs that look at it later. It is written when the first
/// step begins, and again with scores and answers at the end; steps and evaluations stand in <c>metrics.jsonl</c>.
/// </summary>
public sealed record RunRecord
{
    private static readonly JsonSerializerOptions s_form = new(JsonFormats.IndentedSnakeCase)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        RespectNullableAnnotations = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>When the first step of the run began, whatever resumed it since.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>When it ended or was interrupted; null while it goes on, and of a process that died.</summary>
    public DateTimeOffset? Ended { get; init; }

    /// <summary>The version of Lorikeet.</summary>
    public required string Version { get; init; }

    /// <summary>The processor or GPU, and how many cores.</summary>
    public required string Machine { get; init; }

    /// <summary>Where the data came from, and the shape that was found in them.</summary>
    public required string Dataset { get; init; }

    /// <summary>The model, the rows and tokens, the steps. Its plan is not kept.</summary>
    public required RunSummary Summary { get; init; }

    /// <summary>How long the training rows are, in tokens.</summary>
    public IReadOnlyList<LengthBin> Lengths { get; init; } = [];

    /// <summary>Scores of the base and of the tuned model.</summary>
    public IReadOnlyList<ComparedScore> Scores { get; init; } = [];

    /// <summary>Questions with the answers before and after.</summary>
    public IReadOnlyList<ComparedAnswer> Answers { get; init; } = [];

    /// <summary>What the user may intend but should know.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Reads the file.</summary>
    /// <exception cref="CheckpointException">It is not one of ours.</exception>
    public static RunRecord Read(string recordFile)
    {
        try
        {
            using var file = File.OpenRead(recordFile);
            return JsonSerializer.Deserialize<RunRecord>(file, s_form) ?? throw new JsonException("It holds null.");
        }
        catch (JsonException fault)
        {
            throw new CheckpointException(
                $"'{recordFile}' is not what a run wrote: {fault.Message} Delete it, or train the run again.", fault);
        }
    }

    /// <summary>Writes the file.</summary>
    internal void Write(string recordFile) =>
        AtomicFile.WriteText(recordFile, JsonSerializer.Serialize(this, s_form) + "\n");
}
