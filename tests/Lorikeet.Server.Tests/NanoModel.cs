using System.Text.Json.Nodes;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Native;
using Lorikeet.Serving;
using Lorikeet.Testing;
using Lorikeet.Training;

[assembly: AssemblyFixture(typeof(Lorikeet.Server.Tests.NanoModel))]

namespace Lorikeet.Server.Tests;

/// <summary>
/// The embedded model with a chat template that knows tools, trained for a few steps, and hosted: the base
/// <c>nano</c>, the adapter <c>facts</c>, and <c>early</c>, which is a checkpoint of the same run. Made once for all
/// tests.
/// </summary>
public sealed class NanoModel : IAsyncLifetime
{
    public const string Base = "nano";
    public const string Adapter = "facts";
    public const string Early = "early";

    private const string Template =
        "{%- if tools %}<tools>{{ tools | tojson }}</tools>\n{% endif -%}"
        + "{%- for message in messages %}<{{ message.role }}>"
        + "{%- if message.reasoning_content %}<think>{{ message.reasoning_content }}</think>{% endif %}"
        + "{{ message.content }}"
        + "{%- for call in message.tool_calls or [] %}{{ call | tojson }}{% endfor %}"
        + "</{{ message.role }}>\n{% endfor -%}"
        + "{%- if add_generation_prompt %}<assistant>{% if enable_thinking %}I think: {% endif %}"
        + "{% if thinks_aloud %}<think>\n{% endif %}{% endif %}";

    private readonly TemporaryFolder _folder = new();
    private LanguageModel _model = null!;

    /// <summary>Everything that is served; a test starts a server of its own on it.</summary>
    public ModelHost Host { get; private set; } = null!;

    /// <summary>The folder of the base.</summary>
    public string Folder => _folder[Base];

    /// <summary>
    /// The folder below which the adapters lie: <c>run/adapter</c>, <c>run/checkpoints/step-000002</c>.
    /// </summary>
    public string Root => _folder.Path;

    /// <summary>The folder of the run.</summary>
    public string Run => _folder["run"];

    public async ValueTask InitializeAsync()
    {
        LibTorch.Load();
        TorchSharp.torch.set_num_threads(1); // tests run side by side
        WriteBase();
        _model = Load();
        using (var data = Dataset.Load(Asset("facts-qa", "train.jsonl"), new() { MaxTrainRows = 32, MaxLength = 64 }))
        using (var run = new TrainingRun(Run, _model, data, new TrainingOptions
        {
            Lora = new() { Rank = 4 },
            Optimization = new() { BatchSize = 4, GradientAccumulation = 1, LearningRate = 5e-3, MaxSteps = 4 },
            Evaluation = new() { SampleCount = 0 },
            Output = new() { SaveSteps = 2, ReportTo = [] },
        }))
        {
            await run.TrainAsync();
        }

        foreach (var name in _model.Adapters.Names)
            _model.Adapters.Unload(name);
        Host = ModelHost.Start(_model, Small);
        await Host.LoadAdapter(Adapter, Path.Combine(Run, "adapter"));
        await Host.LoadAdapter(Early, Path.Combine(Run, "checkpoints", "step-000002"));
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        _model.Dispose();
        _folder.Dispose();
    }

    /// <summary>A small cache, so that many at once share it.</summary>
    internal static EngineOptions Small { get; } = new() { MaxSequences = 8, MaxLength = 400, CacheBytes = 16 << 20 };

    /// <summary>Another copy of the base in memory.</summary>
    internal LanguageModel Load() =>
        LanguageModel.Load(Folder, new() { Device = "cpu", ComputeType = ComputeType.Float32 });

    private static string Asset(params string[] parts) => Path.Combine([TestAssets.Root, "assets", .. parts]);

    private void WriteBase()
    {
        Directory.CreateDirectory(Folder);
        foreach (var file in Directory.EnumerateFiles(Asset("nano-base")))
            File.Copy(file, Path.Combine(Folder, Path.GetFileName(file)));
        var settings = Path.Combine(Folder, "tokenizer_config.json");
        var json = JsonNode.Parse(File.ReadAllText(settings))!;
        json["chat_template"] = Template;
        File.WriteAllText(settings, json.ToJsonString());
    }
}
