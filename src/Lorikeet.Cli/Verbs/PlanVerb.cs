using System.CommandLine;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Formats.Json;
using Lorikeet.Formats.Options;

namespace Lorikeet.Cli.Verbs;

/// <summary>
/// Says what a run would take, before anything is loaded: headers of the model and lengths of the rows suffice.
/// </summary>
internal sealed class PlanVerb : CatalogVerb
{
    private readonly Argument<string?> _configuration = new("run.yaml")
    {
        Description = "A YAML or JSON file with options; command-line options override it.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _config = new("--config")
    {
        Description = "The same, as HfArgumentParser takes it.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _shape = new("--shape")
    {
        Description = "Plan for the shape of a published model instead of a model that is there, as bench knows them.",
        HelpName = "NAME",
    };

    public PlanVerb() : base(
        "plan", "Predict memory, speed and time of a training run, before anything is loaded.", OptionCatalog.Training,
        OneObject)
    {
        Add(_configuration);
        Add(_config);
        Add(_shape);
    }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("what a run described in a file will take", "plan run.yaml"),
        ("QLoRA of a 7B model, before it is downloaded",
            "plan --shape llama2-7b --load_in_4bit --max_length 1024 --device cuda"),
        ("the batches that fit", "plan run.yaml --auto_find_batch_size"),
    ];

    public override IReadOnlyList<string> Essentials { get; } =
    [
        "model", "dataset", "load_in_4bit", "lora_r", "lora_target_modules",
        "num_train_epochs", "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps",
        "max_length", "gradient_checkpointing", "auto_find_batch_size", "device",
    ];

    public override int Run(Invocation call)
    {
        var (arguments, terminal, _) = call;
        var file = arguments.GetValue(_configuration) ?? arguments.GetValue(_config);
        var shape = arguments.GetValue(_shape);
        var settings = Catalog.Read(arguments);
        if (shape is not null)
            settings = [.. settings, new Setting("model", new RawValue.Scalar(shape), OptionOrigin.CommandLine)];
        var resolved = OptionsResolver.Resolve(file, settings, needsData: false);
        var plan = shape is null ? RunPlans.Of(resolved) : RunPlans.OfShape(resolved.Options, shape);
        if (IsJson(call))
            terminal.Out.WriteLine(PlanJson.Of(plan).ToJsonString(JsonFormats.Indented));
        else
            PlanTable.Write(terminal.Data, plan);
        return 0;
    }
}
