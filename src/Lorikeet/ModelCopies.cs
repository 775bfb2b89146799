using Lorikeet.Formats;
using Lorikeet.Models.Conversion;

namespace Lorikeet;

/// <summary>Writes a model in other forms, by the jobs that the command line uses.</summary>
internal static class ModelCopies
{
    private const string Advice = "Report this, with the model and adapter.";

    /// <summary>See <see cref="LanguageModel.Merge"/>.</summary>
    public static MergeCheck Merge(LanguageModel model, string folder, MergeOptions options)
    {
        if (model.Adapters.Active is null)
            throw new ConfigurationException(
                "No adapter is active, so there is nothing to merge. Load or train one first.");
        return WithAdapter(model, adapter =>
        {
            var check = new MergeJob(options with
            {
                Merge = options.Merge with { Model = model.Folder, Adapter = adapter!, Output = folder },
            }).Run(_ => { });
            return check.Passed ? check : throw new LorikeetException(
                $"The merged model differs from the unmerged one by up to {check.MaxDifference:G3} (allowed "
                + $"{check.MaxDifferenceAllowed:G3}), so '{folder}' was not written. {Advice}");
        });
    }

    /// <summary>See <see cref="LanguageModel.Export"/>.</summary>
    public static ExportResult Export(LanguageModel model, string file, ExportOptions options, bool forOllama) =>
        WithAdapter(model, adapter =>
        {
            var result =
                new ExportJob(options with { Model = model.Folder, Adapter = adapter, Output = file }, forOllama)
                    .Run(_ => { });
            return result.Passed ? result : throw new LorikeetException(
                $"What was written is not the model that was exported, so '{file}' was not kept. {Advice}");
        });

    /// <summary>The options of a quantized copy of the base.</summary>
    public static QuantizeOptions Of(LanguageModel model, string folder, QuantizeOptions options) =>
        options with { Checkpoint = options.Checkpoint with { Model = model.Folder, Output = folder } };

    /// <summary>
    /// Gives the folder of the active adapter, written for the purpose where it has none that is its own.
    /// </summary>
    private static T WithAdapter<T>(LanguageModel model, Func<string?, T> use)
    {
        if (model.Adapters.Active is not { } name)
            return use(null);
        if (model.Adapters.ActiveFolder is { } folder && Directory.Exists(folder))
            return use(folder);
        using var place = TemporaryPlace.ForFolder(Path.Combine(Path.GetTempPath(), "lorikeet-adapter"));
        model.Adapters.Save(name, place.Location);
        return use(place.Location);
    }
}
