using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using Lorikeet.Cli.Diagnosis;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Spectre.Console;

namespace Lorikeet.Cli.Verbs;

/// <summary>Looks at everything a run depends on, and says what to do about what is wrong.</summary>
internal sealed class DoctorVerb : Verb
{
    private const int EnvironmentProblem = 3;

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly Option<string?> _libTorch = SharedOptions.LibTorch();

    public DoctorVerb()
        : base("doctor", "Check runtime, libtorch, devices, memory, disk and hub access, each with what to do.",
            OneObject) =>
        Add(_libTorch);

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("what this machine offers", "doctor"),
        ("whether the libtorch of a Python install works here",
            "doctor --libtorch ~/venv/lib/python3.12/site-packages/torch/lib"),
    ];

    public override int Run(Invocation call)
    {
        var hub = HubChecks.RunAsync(call.Interruption.Token);
        var torch = TorchChecks.Run(call.Arguments.GetValue(_libTorch));
        List<Finding> findings = [.. MachineChecks.Run(), .. torch, .. hub.GetAwaiter().GetResult()];
        var works = findings.All(finding => finding.Status != FindingStatus.Fail);
        if (IsJson(call))
            call.Terminal.Out.WriteLine(JsonSerializer.Serialize(new { ok = works, findings }, s_json));
        else
            Show(call.Terminal, findings);
        return works ? 0 : EnvironmentProblem;
    }

    private static void Show(Terminal terminal, List<Finding> findings)
    {
        const int statusWidth = 6;
        const int termWidth = 17;
        var page = new Page(terminal.Out, terminal.TextWidth);
        foreach (var finding in findings)
        {
            var colour = finding.Status switch
            {
                FindingStatus.Ok => "green",
                FindingStatus.Note => "yellow",
                _ => "red",
            };
            terminal.Data.Markup($"[{colour}]{finding.Status.ToString().ToLowerInvariant().PadRight(statusWidth)}[/]");
            page.Term(finding.Name, finding.Value, termWidth, statusWidth);
            if (finding.Advice is null)
                continue;
            page.Term("", "→ " + finding.Advice, termWidth + statusWidth - 2);
        }
    }
}
