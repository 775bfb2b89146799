using System.Text.Json.Nodes;
using Lorikeet.Cli.Shell;
using Lorikeet.Formats;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

public sealed class CommandLineTests
{
    public static TheoryData<string> Verbs => [.. CommandLine.CreateRoot().Subcommands.Select(verb => verb.Name)];

    [Fact]
    public void Version_IsOneLineOnStandardOutput()
    {
        var result = CliProcess.Run("--version");
        Assert.Equal(0, result.ExitCode);
        Assert.Matches(@"^\d+\.\d+\.\d+\S*\r?\n$", result.Output);
        Assert.Empty(result.Error);
    }

    [Fact]
    public void End_LeavesWhatAnotherCommandLineOfTheProcessIsWriting()
    {
        using var folder = new TemporaryFolder();
        using var place = TemporaryPlace.ForFolder(folder["adapter"]);
        Assert.Equal(0, Cli.Run("options", "lora_r").ExitCode);
        Assert.True(Directory.Exists(place.Location));
    }

    [Fact]
    public void NoArguments_ShowTheHelpOnStandardErrorAndFail()
    {
        var result = Cli.Run();
        Assert.Equal(2, result.ExitCode);
        Assert.Empty(result.Output);
        Assert.Contains("doctor", result.Error);
    }

    [Fact]
    public void UnknownVerb_SuggestsTheNearest()
    {
        var result = Cli.Run("docter");
        Assert.Equal(2, result.ExitCode);
        Assert.Empty(result.Output);
        Assert.StartsWith("'docter' is not a command. Did you mean 'doctor'?", result.Error);
        Assert.Equal(2, result.Error.TrimEnd().Split('\n').Length);
    }

    [Fact]
    public void UnknownOption_SuggestsTheNearest()
    {
        var result = Cli.Run("doctor", "--jsn");
        Assert.Equal(2, result.ExitCode);
        Assert.StartsWith("'--jsn' is not an option of 'lorikeet doctor'. Did you mean '--json'?", result.Error);
    }

    [Theory]
    [InlineData("--libtorch has no value. Expected DIR.", "doctor", "--libtorch")]
    [InlineData("'more' is one argument too many.", "doctor", "more")]
    [InlineData("--json is 'maybe'. Expected true or false.", "doctor", "--json=maybe")]
    public void WrongArgument_IsSaidInOneSentence(string expected, params string[] arguments)
    {
        var result = Cli.Run(arguments);
        Assert.Equal(2, result.ExitCode);
        Assert.StartsWith(expected, result.Error);
        Assert.DoesNotContain("System.", result.Error);
    }

    [Fact]
    public void Help_ListsEveryVerb()
    {
        var result = Cli.Run("--help");
        Assert.Equal(0, result.ExitCode);
        Assert.All(CommandLine.CreateRoot().Subcommands, verb => Assert.Contains($"\n  {verb.Name} ", result.Output));
    }

    [Theory]
    [MemberData(nameof(Verbs))]
    public void Help_OfAVerb_HasExamplesThatParse(string name)
    {
        var root = CommandLine.CreateRoot();
        var verb = Assert.IsAssignableFrom<Verb>(root.Subcommands.Single(command => command.Name == name));
        Assert.NotEmpty(verb.Examples);
        Assert.All(verb.Examples, example =>
        {
            var line = example.Command.Split(" > ")[0];
            Assert.StartsWith(name, line);
            var arguments = System.CommandLine.Parsing.CommandLineParser.SplitCommandLine(line).ToList();
            Assert.Null(ArgumentCheck.FindProblem(root, arguments));
            Assert.Null(ArgumentCheck.FindProblem(root.Parse(arguments)));
        });

        using var page = new StringWriter();
        HelpText.Write(verb, page, width: 110);
        Assert.All(page.ToString().Split('\n'), line => Assert.True(line.TrimEnd().Length <= 130, line));
    }

    [Fact]
    public void Doctor_FindsTheNativeRuntime()
    {
        var result = CliProcess.RunIn(Directory.GetCurrentDirectory(), [("HF_HUB_OFFLINE", "1")], "doctor", "--json");
        Assert.Equal(0, result.ExitCode);
        var report = JsonNode.Parse(result.Output)!;
        Assert.True(report["ok"]!.GetValue<bool>());
        var findings = report["findings"]!.AsArray()
            .ToDictionary(finding => finding!["name"]!.GetValue<string>(), finding => finding!);
        string[] names = ["runtime", "system", "processor", "memory", "libtorch", "torchsharp", "devices", "hub"];
        Assert.All(names, name => Assert.Contains(name, findings));
        Assert.Equal("ok", findings["libtorch"]["status"]!.GetValue<string>());
        Assert.StartsWith("2.10.0, CPU", findings["libtorch"]["value"]!.GetValue<string>());
        Assert.Equal("offline by HF_HUB_OFFLINE", findings["hub"]["value"]!.GetValue<string>());
    }

    /// <summary>Where libtorch is a build with CUDA, this is a machine without a driver or a GPU.</summary>
    [Fact]
    public void WhereNoGpuIsVisible_TheCpuIsUsed()
    {
        (string, string)[] hidden = [("CUDA_VISIBLE_DEVICES", ""), ("HF_HUB_OFFLINE", "1")];
        var doctor = CliProcess.RunIn(Directory.GetCurrentDirectory(), hidden, "doctor");
        Assert.Equal(0, doctor.ExitCode);
        Assert.Matches(@"devices +cpu", doctor.Output);
        var answer = CliProcess.RunIn(
            Directory.GetCurrentDirectory(), hidden, "generate", "--model", Path.Combine(TestAssets.Root, "assets",
                "nano-base"), "--prompt", "The capital", "--max_new_tokens", "1");
        Assert.True(answer.ExitCode == 0, answer.Error);
    }

    [Fact]
    public void Doctor_WithoutLibTorch_SaysWhatToDoAndFailsAsEnvironment()
    {
        var folder = Directory.CreateTempSubdirectory("lorikeet-empty").FullName;
        var result = CliProcess.RunIn(folder, [("HF_HUB_OFFLINE", "1")], "doctor", "--libtorch", folder);
        Assert.Equal(3, result.ExitCode);
        Assert.Contains("holds no", result.Output);
        Directory.Delete(folder);
    }

    [Fact]
    public void Options_ExplainsNamesOfBothWorlds()
    {
        var result = Cli.Run("options", "max_seq_length", "--bf16", "lora_rr");
        Assert.Equal(2, result.ExitCode);

        Assert.Equal(0, Cli.Run("options", "max_seq_length", "bf16", "no_shuffle").ExitCode);
        result = Cli.Run("options", "max_seq_length", "bf16", "lora_rr");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("max_length: Longest row in tokens", result.Output);
        Assert.Contains("bf16: the same as 'torch_dtype: bfloat16'.", result.Output);
        Assert.Contains("lora_rr: not an option. Did you mean 'lora_r'?", result.Output);
    }

    [Fact]
    public void Schema_DescribesEveryOption()
    {
        var schema = JsonNode.Parse(CliProcess.Run("options", "--schema").Output)!;
        Assert.Equal(1, schema["properties"]!["lora_r"]!["minimum"]!.GetValue<double>());
        Assert.Equal("#/properties/max_length", schema["properties"]!["max_seq_length"]!["$ref"]!.GetValue<string>());
        Assert.NotNull(schema["properties"]!["lora"]!["properties"]!["lora_r"]);
    }
}
