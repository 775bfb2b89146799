using Lorikeet.Data;
using Lorikeet.Data.Datasets;
using Lorikeet.Data.Encoded;
using Lorikeet.Data.Reading;
using Lorikeet.Data.Shapes;
using Lorikeet.Formats;
using Lorikeet.Models.Checkpoints;

namespace Lorikeet.Studio.Work;

/// <summary>Data as they were read once: rows as a model sees them, and the checks of a training.</summary>
public sealed record DataReading
{
    private const int ShownRows = 12;
    private const int RawRows = 3;

    /// <summary>Columns of the first rows as the file names them.</summary>
    public IReadOnlyList<string> Names { get; private init; } = [];

    /// <summary>Why a model cannot read them; null where it can.</summary>
    public string? Fault { get; private init; }

    /// <summary>The shape that was found; null with a fault.</summary>
    public DatasetShape? Shape { get; private init; }

    /// <summary>Shape, columns and format in one line.</summary>
    public string Summary { get; private init; } = "";

    /// <summary>What each column is read as.</summary>
    public IReadOnlyList<ReadColumn> Columns { get; private init; } = [];

    /// <summary>The first rows, token by token.</summary>
    public IReadOnlyList<RowPreview> Rows { get; private init; } = [];

    /// <summary>The rows to train on in numbers.</summary>
    public DatasetStatistics? Train { get; private init; }

    /// <summary>Those held out; null for none.</summary>
    public DatasetStatistics? HeldOut { get; private init; }

    /// <summary>How long rows to train on are.</summary>
    public IReadOnlyList<LengthBin> Lengths { get; private init; } = [];

    /// <summary>Rows that say or ask the same.</summary>
    public DatasetRepetitions? Repetitions { get; private init; }

    /// <summary>Why train would refuse the data; null where it would not.</summary>
    public string? Refusal { get; private init; }

    /// <summary>What train would warn of.</summary>
    public IReadOnlyList<string> Warnings { get; private init; } = [];

    /// <summary>Reads data. It may take long, and fetches what a hub id names.</summary>
    /// <param name="options">Which, and how.</param>
    /// <param name="model">The model that is to read them: a folder, a GGUF file or a hub id.</param>
    public static DataReading Read(DataOptions options, string model)
    {
        var names = (IReadOnlyList<string>)[];
        try
        {
            using var dataset = Dataset.Load(options.Datasets, options with { TokenCache = TokenCacheMode.Off });
            names = [.. dataset.Peek(RawRows).SelectMany(NamesOf).Distinct()];
            var data = dataset.Examine(ModelFolder.Open(ModelSource.Resolve(model, null)));
            return new DataReading
            {
                Names = names,
                Shape = data.Shape,
                Summary = data.ShapeSummary,
                Columns = data.Columns,
                Rows = [.. data.Preview(ShownRows)],
                Train = data.TrainStatistics,
                HeldOut = data.EvalStatistics,
                Lengths = LengthBin.Histogram(data.TrainLengths),
                Repetitions = data.Repetitions,
                Refusal = data.Refusal,
                Warnings = data.Warnings,
            };
        }
        catch (Exception fault) when (fault is LorikeetException || StorageFault.Covers(fault))
        {
            return new DataReading { Names = names, Fault = Faults.Sentence(fault) };
        }
    }

    private static IEnumerable<string> NamesOf(DataRow row) => row.Values.Select(cell => cell.Key);
}
