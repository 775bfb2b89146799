using System.CommandLine;
using Lorikeet.Cli.Inference;
using Lorikeet.Cli.Shell;
using Lorikeet.Server;
using Lorikeet.Serving;

namespace Lorikeet.Cli.Verbs;

/// <summary>Answers over HTTP until it is asked to end.</summary>
internal sealed class ServeVerb() : InferenceVerb<ServeOptions>(
    "serve", "Serve a model and its adapters over HTTP, in OpenAI's protocol.")
{
    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("what a run trained, as the model 'qa'", "serve --adapter qa=runs/qa/adapter"),
        ("several adapters on one base in 4 bits",
            "serve --load_in_4bit --adapter qa=runs/qa/adapter style=runs/style/adapter"),
        ("to other machines, with a key", "serve --adapter runs/qa/adapter --host 0.0.0.0 --api_key_file keys.txt"),
        ("a run that is still training: its newest checkpoint", "serve --watch runs/qa"),
    ];

    public override IReadOnlyList<string> Essentials { get; } =
    [
        "model", "adapter", "host", "port", "api_key", "api_key_file", "watch", "adapter_root", "max_num_seqs",
        "max_model_len", "gpu_memory_utilization", "load_in_4bit", "torch_dtype", "device",
    ];

    public override int Run(Invocation call)
    {
        var (_, terminal, interruption) = call;
        var options = Bind(call, new ServeOptions());
        options = options with
        {
            Model = ServedNames.WithNames(ServedNames.WithBase(options.Model, options.Server.WatchedRun)),
        };
        using var model = Load(call, options);
        return Serve(call, model, options).GetAwaiter().GetResult();
    }

    private static async Task<int> Serve(Invocation call, LanguageModel model, ServeOptions options)
    {
        var (_, terminal, interruption) = call;
        await using var host = ModelHost.Start(model, options.Engine);
        await using var server = await ModelServer.Start(
            host, options.Server, terminal.Error.WriteLine, interruption.Token);
        interruption.FinishFirst(
            $"Stopping within {options.Server.DrainTimeout} s, once answers have ended. "
            + "Press Ctrl+C again to stop at once.",
            isUsual: true);
        Announce(call, host, server);

        var asked = new TaskCompletionSource();
        await using (interruption.Token.Register(asked.SetResult))
            await asked.Task;
        if (!await server.Stop())
            terminal.Error.WriteLine("Answers that took longer were ended.");
        return 0;
    }

    /// <summary>The address alone as data; who answers and how to ask, for people.</summary>
    private static void Announce(Invocation call, ModelHost host, ModelServer server)
    {
        var (_, terminal, _) = call;
        terminal.Out.WriteLine(server.Address);
        terminal.Out.Flush();
        terminal.Error.WriteLine($"Listening on {server.Address}");
        foreach (var served in host.Models)
        {
            terminal.Error.WriteLine(
                $"  {served.Name}: {(served.Base is null ? "the base" : "an adapter")}, {served.Source}");
        }

        terminal.Error.WriteLine(
            $"At most {host.Default.MaxLength} tokens of prompt and answer together. Ask, for example:");
        terminal.Error.WriteLine(
            $"  curl {server.Address}v1/chat/completions -H 'Content-Type: application/json' "
            + $"-d '{{\"model\": \"{host.Default.Name}\", "
            + "\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}'");
    }
}
