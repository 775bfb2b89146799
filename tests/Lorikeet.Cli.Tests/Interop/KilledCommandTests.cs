using System.Globalization;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Interop;

/// <summary>
/// Commands that write for others, ended at random moments: what has the output's name afterwards is all that an
/// undisturbed command writes, or what was there before, or nothing. <c>LORIKEET_KILLS</c> says how often each is
/// ended; when it is not set, two of them are, once. <c>LORIKEET_PARALLEL</c> says how many are at work at a time
/// (one).
/// </summary>
public sealed class KilledCommandTests : IDisposable
{
    private static readonly string s_base = Path.Combine(TestAssets.Root, "assets", "nano-base");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("merge")]
    [InlineData("export")]
    [InlineData("quantize")]
    [InlineData("push")]
    public void CommandThatIsEnded_LeavesItsOutputWholeOrAbsent(string verb)
    {
        var (kills, workers) = (Number("LORIKEET_KILLS") ?? 1, Number("LORIKEET_PARALLEL") ?? 1);
        Assert.SkipWhen(
            verb is "export" or "quantize" && Number("LORIKEET_KILLS") is null,
            "Its output takes its name as that of merge does. Set LORIKEET_KILLS to end it too.");
        if (verb is "merge" or "export")
            TrainAdapter();
        var whole = WriteUndisturbed(verb);
        var counts = new KillCounts();
        Parallel.For(0, workers, new ParallelOptions { MaxDegreeOfParallelism = workers }, worker =>
        {
            using var place = PlaceOf(verb, $"place-{worker}");
            var command = new KilledCommand(place, whole, new Random(31 + worker), counts);
            for (var kill = worker; kill < kills; kill += workers)
            {
                // Two and two, because every second moment is one of another kind; push begins with the other signal.
                var turn = kill / workers / 2 + worker + (verb == "push" ? 1 : 0);
                command.EndOnce(turn % 2 == 0 ? Signal.Kill : Signal.Terminate);
            }

            command.Finish();
        });
        TestContext.Current.SendDiagnosticMessage($"{verb}: {counts}");
    }

    private static int? Number(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } number
            ? int.Parse(number, CultureInfo.InvariantCulture)
            : null;

    private string WriteUndisturbed(string verb)
    {
        using var place = PlaceOf(verb, "undisturbed");
        place.Begin(hasOld: false);
        var result = place.Environment.Length == 0
            ? Cli.Run(place.Arguments)
            : CliProcess.RunIn(_folder.Path, place.Environment, place.Arguments);
        Assert.True(result.ExitCode == 0, result.Error);
        return Assert.IsType<string>(place.Content());
    }

    private KilledPlace PlaceOf(string verb, string name)
    {
        var folder = _folder[name];
        var adapter = _folder["run/adapter"];
        return verb switch
        {
            "merge" => new LocalPlace(folder, "merged", isFolder: true,
                "merge", "--adapter", adapter, "--device", "cpu", "--overwrite_output_dir"),
            "export" => new LocalPlace(folder, "model.gguf", isFolder: false,
                "export", "gguf", "--adapter", adapter, "--outtype", "q8_0", "--device", "cpu", "--overwrite"),
            "quantize" => new LocalPlace(folder, "nf4", isFolder: true,
                "quantize", "--model", s_base, "--overwrite_output_dir"),
            _ => new HubPlace(folder, s_base),
        };
    }

    private void TrainAdapter()
    {
        var facts = Path.Combine(TestAssets.Root, "assets", "facts-qa", "train.jsonl");
        File.WriteAllLines(_folder["rows.jsonl"], File.ReadLines(facts).Take(4));
        Cli.Succeed(
            "train", "--model", s_base, "--dataset", _folder["rows.jsonl"], "--output", _folder["run"], "--max_steps",
            "1", "--learning_rate", "0.05", "--warmup_steps", "0", "--lora_r", "4", "--max_length", "64", "--device",
            "cpu", "--sample_count", "0");
    }
}
