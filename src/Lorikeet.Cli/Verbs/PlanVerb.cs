using System.CommandLine;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Formats.Json;
using Lorikeet.Formats.Options;
using Lorikeet.Training.Planning;

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

    private readonly Option<int> _nodes = new("--nodes")
    {
        Description = "Machines that train together. Their speed is planned from that of one GPU.",
        HelpName = "M",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<int> _gpus = new("--gpus_per_node")
    {
        Description = "GPUs of each machine.",
        HelpName = "K",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<string> _interconnect = new("--interconnect")
    {
        Description = $"What connects the machines: {string.Join(", ", Interconnect.All.Select(one => one.Name))}. "
            + "The GPUs of a machine are taken to have NVLink.",
        HelpName = "NAME",
        DefaultValueFactory = _ => "100gbe",
    };

    private readonly Option<double?> _rate = new("--tokens_per_second")
    {
        Description =
            "Tokens a second of one GPU by itself, as bench train measures them; else this machine's is planned.",
        HelpName = "X",
    };

    public PlanVerb() : base(
        "plan", "Predict memory, speed and time of a training run, before anything is loaded.", OptionCatalog.Training,
        OneObject)
    {
        Add(_configuration);
        Add(_config);
        Add(_shape);
        Add(_nodes);
        Add(_gpus);
        Add(_interconnect);
        Add(_rate);
    }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("what a run described in a file will take", "plan run.yaml"),
        ("QLoRA of a 7B model, before it is downloaded",
            "plan --shape llama2-7b --load_in_4bit --max_length 1024 --device cuda"),
        ("the batches that fit", "plan run.yaml --auto_find_batch_size"),
        ("the same run on 8 machines of 8 GPUs, each as fast as was measured",
            "plan run.yaml --nodes 8 --gpus_per_node 8 --interconnect 100gbe --tokens_per_second 18864"),
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
        var (nodes, gpus) = (arguments.GetValue(_nodes), arguments.GetValue(_gpus));
        if (nodes < 1 || gpus < 1)
            throw new ConfigurationException($"nodes is {nodes} and gpus_per_node is {gpus}. Both must be 1 or more.");
        var ranks = nodes * gpus;
        var plan = shape is null
            ? RunPlans.Of(resolved, ranks) : RunPlans.OfShape(resolved.Options, shape, ranks);
        var scale = ranks == 1 ? null : ScaleOf(plan, arguments, nodes, gpus);
        if (IsJson(call))
            terminal.Out.WriteLine(PlanJson.Of(plan, scale).ToJsonString(JsonFormats.Indented));
        else
            PlanTable.Write(terminal.Data, plan, scale);
        return 0;
    }

    private ScalePlan ScaleOf(RunPlan plan, ParseResult arguments, int nodes, int gpus)
    {
        var rate = arguments.GetValue(_rate) ?? plan.Speed?.TokensPerSecond / plan.Ranks
            ?? throw new ConfigurationException(
                "The speed of one GPU is not known, since there is none here. Give tokens_per_second, as bench train "
                + "measures it on such a GPU.");
        return ScalePlan.Of(
            plan, rate, nodes, gpus, Interconnect.NvLink, Interconnect.Find(arguments.GetValue(_interconnect)!));
    }
}
