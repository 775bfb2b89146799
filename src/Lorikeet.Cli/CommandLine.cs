using System.CommandLine;
using System.Reflection;
using System.Text;
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

    public static async Task<int> RunAsync(string[] arguments)
    {
        // The parser takes longer to load than this takes to say.
        if (arguments is ["--version"])
        {
            Console.WriteLine(ProgramVersion.Text);
            return 0;
        }

        Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        Terminal.ShowControls();
        if (arguments is ["help", .. var asked])
            arguments = [.. asked, "--help"];
        var everything = arguments.Contains("--help") && arguments.Contains("--all");
        if (everything)
            arguments = [.. arguments.Where(argument => argument != "--all")];
        var root = CreateRoot();
        if (ArgumentCheck.FindProblem(root, arguments) is { } problem)
            return Refuse(problem);

        var parsed = root.Parse(arguments);
        if (HelpText.IsAskedFor(parsed))
        {
            HelpText.Write(parsed.CommandResult.Command, Console.Out, everything);
            return 0;
        }

        if (parsed.CommandResult.Command is not Verb verb)
        {
            HelpText.Write(root, Console.Error);
            return Usage;
        }

        if (ArgumentCheck.FindProblem(parsed) is { } error)
            return Refuse(error);
        return await RunAsync(verb, parsed);
    }

    internal static RootCommand CreateRoot()
    {
        var root = new RootCommand("Fine-tune Llama-family models with LoRA and QLoRA, in .NET.")
        {
            new QuickstartVerb(),
            new TrainVerb(),
            new PlanVerb(),
            new GenerateVerb(),
            new ChatVerb(),
            new EvalVerb(),
            new ScoreVerb(),
            new TokenizeVerb(),
            new RenderVerb(),
            new VerifyVerb(),
            new MergeVerb(),
            new QuantizeVerb(),
            new ExportVerb(),
            new PushVerb(),
            new BenchVerb(),
            new DoctorVerb(),
            new OptionsVerb(),
        };
        root.Add(SharedOptions.Verbose);
        return root;
    }

    private static async Task<int> RunAsync(Verb verb, ParseResult parsed)
    {
        var verbose = parsed.GetValue(SharedOptions.Verbose);
        using var interruption = new Interruption(Console.Error.WriteLine);
        void Note(string message) => interruption.Say(message);
        ModelSource.Noted += Note;
        LibTorch.Download = LibTorchDownload.Run;
        try
        {
            var code = await verb.RunAsync(parsed, interruption);
            return interruption.Requested && code == 0 ? interruption.ExitCode : code;
        }
        catch (OperationCanceledException) when (interruption.Requested)
        {
            return interruption.ExitCode;
        }
        catch (LorikeetException fault)
        {
            Say(verbose ? fault.ToString() : fault.Message);
            return ExitCodes.Of(fault);
        }
        catch (Exception fault) when (StorageFault.Covers(fault))
        {
            var explained = StorageFault.Of(fault);
            Say(verbose ? explained.ToString() : explained.Message);
            return ExitCodes.Of(explained);
        }
        catch (Exception fault)
        {
            Say(verbose
                ? fault.ToString()
                : $"Unexpected {fault.GetType().Name}: {fault.Message} "
                    + "Run it again with --verbose for the details, and report them.");
            return Failed;
        }
        finally
        {
            ModelSource.Noted -= Note;
        }
    }

    private static void Say(string message) => ErrorText.Write(Terminal.OfProcess().Talk, message);

    private static int Refuse(UsageProblem problem)
    {
        Say(problem.Message);
        var name = HelpText.NameOf(problem.Command);
        Console.Error.WriteLine($"Usage: {HelpText.UsageOf(problem.Command)}  ('{name} --help' says more)");
        return Usage;
    }
}
