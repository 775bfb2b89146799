using System.CommandLine;
using System.Reflection;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Cli.Verbs;
using Lorikeet.Formats;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Native;

namespace Lorikeet.Cli;

/// <summary>
/// The command line as a whole: parses, runs one verb, and turns every ending into an exit code: 0 success, 1 the run
/// failed, 2 usage, configuration or input, 3 environment, 130 Ctrl+C, 143 SIGTERM. stdout is data, stderr is talk.
/// </summary>
internal static class CommandLine
{
    private const int Failed = 1;
    private const int Usage = 2;

    /// <summary>Runs a command line of this process.</summary>
    public static int Run(string[] arguments) => Run(arguments, Terminal.OfProcess());

    /// <summary>Runs a command line; the result is its exit code.</summary>
    /// <param name="arguments">What was typed after the program's name.</param>
    /// <param name="terminal">Where it reads and writes.</param>
    public static int Run(string[] arguments, Terminal terminal)
    {
        // The parser takes longer to load than this takes to say.
        if (arguments is ["--version"])
        {
            terminal.Out.WriteLine(ProgramVersion.Text);
            return 0;
        }

        if (arguments is ["help", .. var asked])
            arguments = [.. asked, "--help"];
        var everything = arguments.Contains("--help") && arguments.Contains("--all");
        if (everything)
            arguments = [.. arguments.Where(argument => argument != "--all")];
        var root = CreateRoot();
        if (ArgumentCheck.FindProblem(root, arguments) is { } problem)
            return Refuse(terminal, problem);

        var parsed = root.Parse(arguments);
        if (HelpText.IsAskedFor(parsed))
        {
            HelpText.Write(parsed.CommandResult.Command, terminal.Out, terminal.TextWidth, everything);
            return 0;
        }

        if (parsed.CommandResult.Command is not Verb verb)
        {
            HelpText.Write(root, terminal.Error, terminal.TextWidth);
            return Usage;
        }

        if (ArgumentCheck.FindProblem(parsed) is { } error)
            return Refuse(terminal, error);
        return Run(verb, parsed, terminal);
    }

    internal static RootCommand CreateRoot()
    {
        var root = new RootCommand("Fine-tune Llama-family models with LoRA and QLoRA, in .NET.")
        {
            new QuickstartVerb(),
            new InitVerb(),
            new RecipesVerb(),
            new TrainVerb(),
            new PlanVerb(),
            new GenerateVerb(),
            new ChatVerb(),
            new ServeVerb(),
            new StudioVerb(),
            new EvalVerb(),
            new ScoreVerb(),
            new DataVerb(),
            new TokenizeVerb(),
            new RenderVerb(),
            new VerifyVerb(),
            new VerifyResumeVerb(),
            new MergeVerb(),
            new QuantizeVerb(),
            new ExportVerb(),
            new PushVerb(),
            new RunsVerb(),
            new PullVerb(),
            new ModelsVerb(),
            new ConfigVerb(),
            new CompletionsVerb(),
            new BenchVerb(),
            new DoctorVerb(),
            new OptionsVerb(),
        };
        root.Add(SharedOptions.Verbose);
        return root;
    }

    private static int Run(Verb verb, ParseResult parsed, Terminal terminal)
    {
        var verbose = parsed.GetValue(SharedOptions.Verbose);
        using var interruption = new Interruption(terminal.Error.WriteLine);
        var call = new Invocation(parsed, terminal, interruption);
        using var listening = ModelSource.Listen(call.Downloads.Note, call.Downloads, interruption.Token);
        LibTorch.Download = (package, version) => LibTorchDownload.Run(package, version, terminal.Error);
        try
        {
            var code = verb.Run(call);
            return interruption.Requested && code == 0 ? interruption.ExitCode : code;
        }
        catch (OperationCanceledException) when (interruption.Requested)
        {
            return interruption.ExitCode;
        }
        catch (Exception fault) when (Known(fault) is { } known)
        {
            Say(terminal, verbose ? known.ToString() : Spoken(known, verb, call.Arguments));
            return ExitCodes.Of(known);
        }
        catch (Exception fault)
        {
            Say(terminal, verbose
                ? fault.ToString()
                : $"Unexpected {fault.GetType().Name}: {fault.Message} "
                    + "Run it again with --verbose for the details, and report them.");
            return Failed;
        }
    }

    private static LorikeetException? Known(Exception fault) => fault switch
    {
        _ when FailedAllocation.Is(fault) => FailedAllocation.Explain(fault),
        LorikeetException known => known,
        _ when StorageFault.Covers(fault) => StorageFault.Of(fault),
        _ => null,
    };

    private static string Spoken(LorikeetException fault, Verb verb, ParseResult typed) => fault is DatasetException
        ? OptionNames.SpeakOfData(fault.Message, verb)
        : OptionNames.Speak(
            fault.Message, verb, name => Path.Exists(name) || typed.Tokens.Any(token => token.Value == name));

    private static void Say(Terminal terminal, string message) => ErrorText.Write(terminal.Talk, message);

    private static int Refuse(Terminal terminal, UsageProblem problem)
    {
        Say(terminal, problem.Message);
        var name = HelpText.NameOf(problem.Command);
        terminal.Error.WriteLine($"Usage: {HelpText.UsageOf(problem.Command)}  ('{name} --help' says more)");
        return Usage;
    }
}
