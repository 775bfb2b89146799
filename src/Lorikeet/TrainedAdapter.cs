using Lorikeet.Configuration;
using Lorikeet.Data.Prompts;
using Lorikeet.Jobs;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;

namespace Lorikeet;

/// <summary>
/// What a run trains, put onto its model: an adapter, which is taken off again unless it is kept; or all weights, which
/// nothing brings back: a model whose run failed is of no use then, and says so.
/// </summary>
internal sealed class TrainedAdapter : IDisposable
{
    private readonly LanguageModel _model;
    private readonly PreparedRun _run;
    private readonly string _name;
    private readonly string? _before;
    private bool _isKept;

    /// <summary>Attaches the adapter to the model.</summary>
    /// <exception cref="LorikeetException">
    /// Options and model do not fit, or the adapter to continue is damaged.
    /// </exception>
    public TrainedAdapter(LanguageModel model, PreparedRun run)
    {
        (_model, _run, _name, _before) = (model, run, run.Folder.Name, model.Adapters.Active);
        if (run.Options.Model.Method == FineTuneMethod.Lora)
        {
            Adapter = model.Adapters.Attach(_name, run.Folder.AdapterFolder, run.Data.Format, Make);
            return;
        }

        try
        {
            model.Decoder.UnfreezeAll();
        }
        catch (Exception fault) when (fault is not InvalidOperationException) // some weights are copies by now
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The adapter; null when the whole model is trained.</summary>
    public Adapter? Adapter { get; }

    /// <summary>What was read of an adapter that is continued and left out of account.</summary>
    public IReadOnlyList<string> Warnings { get; private set; } = [];

    /// <summary>Leaves it active on the model.</summary>
    public void Keep()
    {
        if (Adapter is not null)
            _model.Adapters.Settle(_name);
        _isKept = true;
    }

    public void Dispose()
    {
        if (_isKept)
            return;
        if (Adapter is not null)
            _model.Adapters.Replace(_name, _before);
        else
            _model.Gate.Condemn(
                $"was changed by the run in '{_run.Folder.Folder}', which trained all weights and failed");
    }

    private Adapter Make()
    {
        var (decoder, options) = (_model.Decoder, _run.Options);
        if (options.Model.Adapter is { } source)
        {
            var dropoutIsGiven = _run.Resolved.OriginOf("lora_dropout").Source != OptionSource.Default;
            var folder = AdapterFolder.Open(ModelSource.Resolve(source, null));
            Warnings = [.. folder.Warnings, .. Otherwise(folder)];
            return Models.Lora.Adapter.Load(decoder, folder, _name, dropoutIsGiven ? options.Lora.Dropout : null);
        }

        return Models.Lora.Adapter.Create(decoder, options.Lora, (ulong)options.Optimization.Seed, _name);
    }

    private IEnumerable<string> Otherwise(AdapterFolder folder)
    {
        var now = _run.Data.Format;
        if (PromptFormat.TryLoad(folder.Path, _model.Tokenizer) is { } before && before.Hash != now.Hash)
        {
            yield return $"'{folder.Path}' was trained in the format '{before.Name}', and goes on in '{now.Name}': "
                + "what it learned may not show there. Name the earlier one by 'chat_template' to keep it.";
        }
    }
}
