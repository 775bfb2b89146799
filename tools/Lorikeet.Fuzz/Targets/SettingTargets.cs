using Lorikeet.Configuration;
using Lorikeet.Data.Prompts;
using Lorikeet.Fuzz.Mutation;
using Lorikeet.Hub;
using Lorikeet.Hub.ModelCards;
using Lorikeet.Hub.Transport;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Lora;
using Lorikeet.Runs;

namespace Lorikeet.Fuzz.Targets;

/// <summary>Settings, cards, and the files that runs leave for themselves.</summary>
internal static class SettingTargets
{
    private static readonly Lazy<AnsweringHub> Hub = new(() => new AnsweringHub());

    private static HubClient? s_client;

    private static readonly string[] Words =
    [
        "llama", "mistral", "qwen2", "qwen3", "bnb_4bit_quant_type", "nf4", "fp4", "linear", "llama3", "yarn",
        "dynamic", "float32", "bfloat16", "LORA", "all-linear", "q_proj", "all", "none", "auto", "lora_only",
        ".*(q|v)_proj", "(a+)+$", "hidden_size", "rope_scaling", "eos_token_id",
    ];

    private static readonly string[] HubWords =
        ["sha", "siblings", "rfilename", "size", "lfs", "oid", "tree", "error"];

    private static readonly string[] YamlWords =
    [
        "model: ", "dataset: ", "lora_r: ", "learning_rate: ", "- ", "&a ", "*a", "<<: *a", "? ", "| ", "> ", "{a: ",
        "[", "]", "}", "!!python/object ", "%YAML 9", "---\n", "...\n", "\t", "'", "\"", "null", "~", ".inf", ".nan",
        "0x7fffffffffffffff", "1e999", "\\ud800", "\n  ", "configs:\n", "data_files: ", "split: ", "path: ",
    ];

    public static IReadOnlyList<Target> All { get; } =
    [
        new("config", new JsonMutator(Words), (input, workplace) =>
        {
            workplace.Write("config.json", input);
            ModelConfigFile.Load(workplace.Folder);
        }),
        new("generation-config", new JsonMutator(Words), (input, workplace) =>
        {
            workplace.Write("generation_config.json", input);
            GenerationConfig.Load(workplace.Folder);
        }),
        new("adapter-config", new JsonMutator(Words), (input, workplace) =>
        {
            workplace.Write("adapter_config.json", input);
            AdapterFolder.Open(workplace.Folder);
        }),
        new("prompt-format", new JsonMutator(["{{ messages }}", "stop", "template"]), (input, workplace) =>
        {
            workplace.Write("prompt_format.json", input);
            PromptFormat.TryLoad(workplace.Folder, null)?.RenderPrompt("What?");
        }),
        new("run-yaml", new Mutator(YamlWords), (input, workplace) =>
            OptionsResolver.Resolve(workplace.Write("run.yaml", input), [])),
        new("run-json", new JsonMutator(Words), (input, workplace) =>
            OptionsResolver.Resolve(workplace.Write("run.json", input), [])),
        new("card", new Mutator(YamlWords), (input, workplace) =>
        {
            workplace.Write(ModelCardFile.Name, input);
            ModelCardFile.Write(
                new ModelCard { Title = "a", Subject = CardSubject.Adapter, BaseModel = "a/b" }, workplace.Folder);
        }),
        new("metrics", new JsonMutator(["step", "loss", "eval_loss", "NaN"], isLines: true), (input, workplace) =>
            RunHistory.Read(workplace.Write("metrics.jsonl", input))),
        new("hub", new JsonMutator(HubWords), (input, workplace) =>
        {
            Hub.Value.Answer = input;
            s_client ??= new HubClient(
                new HubSettings { Endpoint = Hub.Value.Address, CacheFolder = workplace.Folder });
            s_client.Resolve("a/b", RepositoryKind.Model, select: _ => []);
        }),
    ];
}
