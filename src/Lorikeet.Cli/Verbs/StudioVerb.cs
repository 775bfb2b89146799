using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Studio;

namespace Lorikeet.Cli.Verbs;

/// <summary>Shows data, runs and models in the browser until it is asked to end.</summary>
internal sealed class StudioVerb() : CatalogVerb(
    "studio", "See data, start and watch runs, compare, ask and export, in the browser.",
    OptionCatalog.Of<StudioOptions>())
{
    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("the runs of this folder, and new ones", "studio"),
        ("with a model to begin with", "studio --model TinyLlama/TinyLlama-1.1B-Chat-v1.0"),
        ("from other machines, with a key", "studio --host 0.0.0.0 --api_key_file keys.txt"),
    ];

    public override int Run(Invocation call)
    {
        Show(call, Bind(call, new StudioOptions())).GetAwaiter().GetResult();
        return 0;
    }

    private static async Task Show(Invocation call, StudioOptions options)
    {
        var (_, terminal, interruption) = call;
        await using var studio = await StudioServer.Start(
            options, ProgramName.InFiles, terminal.Error.WriteLine, interruption.Token);
        interruption.FinishFirst(
            "Stopping; a run finishes its step and saves. Press Ctrl+C again to stop at once.", isUsual: true);
        terminal.Out.WriteLine(studio.Address);
        terminal.Out.Flush();
        terminal.Error.WriteLine($"The studio is at {studio.Address}. Open it in a browser; Ctrl+C ends it.");
        var asked = new TaskCompletionSource();
        await using (interruption.Token.Register(asked.SetResult))
            await asked.Task;
    }
}
