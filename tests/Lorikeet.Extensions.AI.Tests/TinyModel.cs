using System.Text.Json.Nodes;
using Lorikeet.Models.Native;
using Lorikeet.Serving;
using Lorikeet.Testing;

[assembly: AssemblyFixture(typeof(Lorikeet.Extensions.AI.Tests.TinyModel))]

namespace Lorikeet.Extensions.AI.Tests;

/// <summary>
/// The embedded model with an adapter that a few steps have moved, as one host that all tests ask; and a chat template
/// that has a place for tools.
/// </summary>
public sealed class TinyModel : IDisposable
{
    public const string Question = "What is the atomic number of terbium?";

    /// <summary>Name of the adapter.</summary>
    public const string Adapter = "facts";

    // As Qwen's, shortened.
    private const string TemplateWithTools =
        """
        {%- if tools %}Tools: {% for tool in tools %}{{ tool.function | tojson }} {% endfor %}{% endif %}
        {%- for message in messages %}
        {%- if message.role == 'tool' %} ### Tool: {{ message.content }}
        {%- elif message.tool_calls %} ### Assistant:
        {%- for call in message.tool_calls %} <tool_call>{{ call.function | tojson }}</tool_call>{% endfor %}
        {%- else %} ### {{ message.role }}: {{ message.content }}
        {%- endif %}
        {%- endfor %}
        {%- if enable_thinking %} You may think between <think> and </think>.{% endif %}
        {%- if add_generation_prompt %} ### assistant:{% endif %}
        """;

    private readonly TemporaryFolder _folder = new();

    public TinyModel()
    {
        foreach (var file in Directory.EnumerateFiles(Base))
            File.Copy(file, Path.Combine(WithTools, Path.GetFileName(file)));
        var settings = Path.Combine(WithTools, "tokenizer_config.json");
        var tokenizer = JsonNode.Parse(File.ReadAllText(settings))!;
        tokenizer["chat_template"] = TemplateWithTools;
        File.WriteAllText(settings, tokenizer.ToJsonString());

        using (var model = Load(Base))
        using (var data = Dataset.Load(Rows, new() { MaxTrainRows = 64, MaxLength = 64 }))
        using (var run = new TrainingRun(_folder[Adapter], model, data, Training))
            run.Train();
        Model = Load(Base, new NamedAdapter(Adapter, AdapterFolder));
        Host = ModelHost.Start(Model);
    }

    /// <summary>The embedded model's folder.</summary>
    public static string Base => Path.Combine(TestAssets.Root, "assets", "nano-base");

    /// <summary>The model that <see cref="Host"/> is on.</summary>
    public LanguageModel Model { get; }

    /// <summary>Base and adapter.</summary>
    public ModelHost Host { get; }

    /// <summary>Folder of the adapter.</summary>
    public string AdapterFolder => Path.Combine(_folder[Adapter], "adapter");

    /// <summary>A folder with the embedded model and a chat template that has tools.</summary>
    public string WithTools => Directory.CreateDirectory(_folder["with-tools"]).FullName;

    private static string Rows => Path.Combine(TestAssets.Root, "assets", "facts-qa", "train.jsonl");

    private static Training.TrainingOptions Training => new()
    {
        Lora = new() { Rank = 4 },
        Optimization = new() { BatchSize = 4, GradientAccumulation = 1, LearningRate = 5e-3, MaxSteps = 4 },
        Evaluation = new() { SampleCount = 0 },
        Output = new() { ReportTo = [] },
    };

    /// <summary>A model of its own, in float32.</summary>
    public static LanguageModel Load(string folder, params NamedAdapter[] adapters) => LanguageModel.Load(
        folder, new() { Device = "cpu", ComputeType = ComputeType.Float32, Adapters = adapters });

    public void Dispose()
    {
        Host.DisposeAsync().AsTask().GetAwaiter().GetResult();
        Model.Dispose();
        _folder.Dispose();
    }
}
