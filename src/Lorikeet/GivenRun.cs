using Lorikeet.Configuration;
using Lorikeet.Training;

namespace Lorikeet;

/// <summary>The options of a run whose model and data are objects.</summary>
internal static class GivenRun
{
    private static readonly string[] s_ofModelAndData = ["model", "quantization", "data"];

    // What of these groups still is the run's own.
    private static readonly string[] s_ofRun = ["finetuning_type", "adapter"];

    /// <summary>
    /// The options, completed by what model and dataset were loaded with: what run.yaml says of the run.
    /// </summary>
    /// <exception cref="ConfigurationException">
    /// The options say something that model and dataset say themselves, or contradict each other or these two.
    /// </exception>
    public static ResolvedOptions Resolve(string folder, LanguageModel model, Dataset dataset, TrainingOptions options)
    {
        var foreign = OptionCatalog.Training.Options
            .Where(option => s_ofModelAndData.Contains(option.Group) && !s_ofRun.Contains(option.Name))
            .Where(option => option.TextIn(options) != option.DefaultText)
            .Select(option => option.Name)
            .ToList();
        if (foreign.Count > 0)
        {
            throw new ConfigurationException(
                $"The run's options set {string.Join(", ", foreign)}, and its model and dataset are loaded already. "
                + "Give that to LanguageModel.Load or Dataset.Load instead.");
        }

        return ResolvedOptions.FromCode(
            options with
            {
                Model = model.Options.ToModelOptions(model.Name) with
                {
                    Method = options.Model.Method,
                    Adapter = options.Model.Adapter,
                },
                Quantization = model.Options.Quantization,
                Data = dataset.Options,
                Output = options.Output with { OutputDir = folder },
            },
            needsData: false);
    }
}
