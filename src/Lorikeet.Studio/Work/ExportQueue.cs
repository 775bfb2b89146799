using System.Globalization;
using Lorikeet.Formats;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Conversion;
using Lorikeet.Publishing;

namespace Lorikeet.Studio.Work;

/// <summary>What came of an export.</summary>
/// <param name="What">What was done: merge, gguf, ollama, push.</param>
/// <param name="Source">What was exported.</param>
/// <param name="Place">Where to: a folder, a file or a repository.</param>
public sealed record Receipt(string What, string Source, string Place)
{
    /// <summary>Whether it is still being done.</summary>
    public bool IsRunning { get; init; }

    /// <summary>Whether what was written was held against its source, and is the same.</summary>
    public bool Passed { get; init; }

    /// <summary>The fault that ended it; null for none.</summary>
    public string? Fault { get; init; }

    /// <summary>Names and figures.</summary>
    public IReadOnlyList<(string Name, string Value)> Figures { get; init; } = [];

    /// <summary>What should be known, in sentences.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}

/// <summary>Exports, one at a time, and their receipts, the newest first.</summary>
public sealed class ExportQueue : IDisposable
{
    private readonly SemaphoreSlim _one = new(1);
    private readonly Lock _lock = new();
    private readonly List<Receipt> _receipts = [];

    /// <summary>Called when a receipt came or changed.</summary>
    public event Action? Changed;

    /// <summary>The receipts.</summary>
    public IReadOnlyList<Receipt> Receipts
    {
        get
        {
            lock (_lock)
                return [.. _receipts];
        }
    }

    /// <summary>Adds the adapter to its base and writes the sum as a model of its own.</summary>
    /// <param name="options">Which, and where to.</param>
    public Task Merge(MergeSourceOptions options) =>
        Do(new Receipt("merge", options.Adapter, options.Output), (receipt, note) =>
        {
            var check = new MergeJob(new MergeOptions { Merge = options }).Run(note);
            return receipt with { Passed = check.Passed, Figures = Figures(check) };
        });

    /// <summary>Writes a GGUF file, or a folder for Ollama.</summary>
    /// <param name="options">Which, where to, and in which type.</param>
    /// <param name="forOllama">Whether a Modelfile is written too.</param>
    public Task Gguf(ExportOptions options, bool forOllama)
    {
        var what = forOllama ? "ollama" : options.AdapterOnly ? "lora" : "gguf";
        return Do(new Receipt(what, options.Adapter ?? options.Model, options.Output), (receipt, note) =>
        {
            var result = new ExportJob(options, forOllama).Run(note);
            return receipt with
            {
                Passed = result.Passed,
                Place = result.File,
                Figures =
                [
                    ("bytes", Quantities.Bytes(result.Bytes)), ("outtype", WireNames.Of(result.OutType)),
                    .. result.Model is { } model ? Figures(model.Logits) : [],
                    .. result.AdapterDifference is { } difference
                        ? ((string, string)[])[("max_difference", Figure(difference))] : [],
                ],
                Notes = result.Notes,
            };
        });
    }

    /// <summary>Publishes an adapter or a model on the hub.</summary>
    /// <param name="options">Which, and where to.</param>
    /// <param name="program">How commands begin in the model card.</param>
    public Task Push(PublishOptions options, string program) =>
        Do(new Receipt("push", options.Folder, options.Repository), (receipt, _) =>
        {
            var job = new PublishJob(options) { Program = program };
            var pushed = job.RunAsync(null, CancellationToken.None).GetAwaiter().GetResult();
            return receipt with
            { Passed = true, Place = pushed.Page.ToString(), Figures = [("commit", pushed.Commit)] };
        });

    /// <inheritdoc/>
    public void Dispose() => _one.Dispose();

    private static (string, string)[] Figures(MergeCheck check) =>
    [
        ("positions", Quantities.Count(check.Positions)), ("max_difference", Figure(check.MaxDifference)),
        ("allowed", Figure(check.MaxDifferenceAllowed)), ("mean_kl", Figure(check.MeanKl)),
        ("top1", Quantities.Percent(check.Top1Agreement)),
    ];

    private static string Figure(double value) => value.ToString("G3", CultureInfo.InvariantCulture);

    private async Task Do(Receipt receipt, Func<Receipt, Action<string>, Receipt> job)
    {
        var current = receipt with { IsRunning = true };
        Show(null, current);
        await _one.WaitAsync();
        Receipt done;
        try
        {
            done = await Task.Run(() =>
            {
                var notes = new List<string>();
                var result = job(receipt, notes.Add);
                return result with { Notes = [.. notes, .. result.Notes] };
            });
        }
        catch (Exception fault)
        {
            done = receipt with { Fault = Faults.Sentence(fault) };
        }
        finally
        {
            _one.Release();
        }

        Show(current, done);
    }

    private void Show(Receipt? before, Receipt after)
    {
        lock (_lock)
        {
            var place = before is null ? -1 : _receipts.FindIndex(receipt => ReferenceEquals(receipt, before));
            if (place < 0)
                _receipts.Insert(0, after);
            else
                _receipts[place] = after;
        }

        Changed?.Invoke();
    }
}
