using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using Lorikeet.Cli.Diagnosis;
using Lorikeet.Cli.Shell;

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

    private readonly Option<bool> _json = SharedOptions.Json();
    private readonly Option<string?> _libTorch = SharedOptions.LibTorch();

    public DoctorVerb()
        : base("doctor", "Check runtime, libtorch, devices, memory, disk and hub access, each with what to do.")
    {
        Add(_json);
        Add(_libTorch);
    }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("what this machine offers", "doctor"),
        ("whether the libtorch of a Python install works here",
            "doctor --libtorch ~/venv/lib/python3.12/site-packages/torch/lib"),
    ];

    public override async Task<int> RunAsync(ParseResult arguments, Interruption interruption)
    {
        var hub = HubChecks.RunAsync(interruption.Token);
        var torch = TorchChecks.Run(arguments.GetValue(_libTorch));
        List<Finding> findings = [.. MachineChecks.Run(), .. torch, .. await hub];
        var works = findings.All(finding => finding.Status != FindingStatus.Fail);
        if (arguments.GetValue(_json))
            Console.Out.WriteLine(JsonSerializer.Serialize(new { ok = works, findings }, s_json));
        else
            Show(findings);
        return works ? 0 : EnvironmentProblem;
    }

    private static void Show(List<Finding> findings)
    {
        const int statusWidth = 6;
        const int termWidth = 17;
        var page = new Page(Console.Out, HelpText.Width());
        foreach (var finding in findings)
        {
            Console.ForegroundColor = finding.Status switch
            {
                FindingStatus.Ok => ConsoleColor.Green,
                FindingStatus.Note => ConsoleColor.Yellow,
                _ => ConsoleColor.Red,
            };
            Console.Out.Write(finding.Status.ToString().ToLowerInvariant().PadRight(statusWidth));
            Console.ResetColor();
            page.Term(finding.Name, finding.Value, termWidth, statusWidth);
            if (finding.Advice is null)
                continue;
            page.Term("", "→ " + finding.Advice, termWidth + statusWidth - 2);
        }
    }
}
