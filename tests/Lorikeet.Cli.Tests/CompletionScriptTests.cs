using System.Diagnostics;
using Lorikeet.Cli.Shell;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

/// <summary>The scripts in the shells that they are for, where this machine has them, with the built program.</summary>
public sealed class CompletionScriptTests : IDisposable
{
    private const int LongestMilliseconds = 120_000;

    private readonly TemporaryFolder _folder = new();

    public CompletionScriptTests()
    {
        if (OperatingSystem.IsWindows())
            return;
        var start = CliProcess.Describe(_folder.Path);
        File.WriteAllText(
            _folder["lorikeet"],
            $"#!/bin/sh\nexec '{start.FileName}' '{string.Join("' '", start.ArgumentList)}' \"$@\"\n");
        File.SetUnixFileMode(
            _folder["lorikeet"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.WriteAllText(_folder["questions.jsonl"], "");
        foreach (var shell in CompletionScripts.Shells)
            File.WriteAllText(
                _folder["script." + (shell == "powershell" ? "ps1" : shell)], CompletionScripts.For(shell));
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("tra", "train")]
    [InlineData("runs sh", "show")]
    [InlineData("train --model \"my models\" --lora_alp", "--lora_alpha")]
    [InlineData("train --lr_scheduler_type=cosine_w", "cosine_with_restarts")]
    public void Bash_Completes(string line, string expected) => Assert.Contains(expected, Run(
        "bash", "--norc", "-c",
        $"source script.bash; COMP_LINE='./lorikeet {line}'; COMP_POINT=${{#COMP_LINE}}; _lorikeet ./lorikeet; "
            + "printf '%s\\n' \"${COMPREPLY[@]}\"").Split('\n'));

    [Theory]
    [InlineData("tra", "train")]
    [InlineData("train --lr_scheduler_type cosine_w", "cosine_with_restarts")]
    [InlineData("train --model \"my models\" --lora_alp", "--lora_alpha")]
    [InlineData("train --dataset quest", "questions.jsonl")]
    [InlineData("train --lr_scheduler_type=cosine_w", "--lr_scheduler_type=cosine_with_restarts")]
    [InlineData("train --dataset=quest", "--dataset=questions.jsonl")]
    public void Fish_Completes(string line, string expected)
    {
        var offered = Run(
            "fish", "--no-config", "-c", $"source script.fish; complete -C './lorikeet {line}'").Split('\n');
        Assert.Contains(expected, offered);
        Assert.DoesNotContain(offered, one => one.StartsWith("script", StringComparison.Ordinal));
    }

    /// <summary>zsh completes only where somebody types, which its module zpty does.</summary>
    [Theory]
    [InlineData("tra", "train")]
    [InlineData("train --model \"my models\" --lora_alp", "--lora_alpha")]
    [InlineData("train --dataset quest", "questions.jsonl")]
    [InlineData("train --lr_scheduler_type=cosine_with_r", "--lr_scheduler_type=cosine_with_restarts")]
    [InlineData("train --dataset=quest", "--dataset=questions.jsonl")]
    public void Zsh_Completes(string line, string expected) => Assert.Contains(expected, Run(
        "zsh", "-f", "-c",
        $"""
        zmodload zsh/zpty
        zpty typed zsh -f -i
        zpty -w typed 'autoload -Uz compinit; compinit -u -D; source ./script.zsh; print rea''dy'
        zpty -r -m typed said '*ready*'
        zpty -n -w typed './lorikeet {line}'$'\t'
        zpty -r -m typed said '*{expected}*'
        print -r -- $said
        """));

    [Theory]
    [InlineData("tra", "train")]
    [InlineData("runs sh", "show")]
    [InlineData("train --lr_scheduler_type cosine_w", "cosine_with_restarts")]
    [InlineData("train --lr_scheduler_type=cosine_w", "--lr_scheduler_type=cosine_with_restarts")]
    [InlineData("train --model 'my models' --lora_alp", "--lora_alpha")]
    [InlineData("train --dataset quest", "./questions.jsonl")]
    public void PowerShell_Completes(string line, string expected)
    {
        var typed = $"./lorikeet {line}".Replace("'", "''", StringComparison.Ordinal);
        Assert.Contains(expected, Run(
            "pwsh", "-NoProfile", "-NonInteractive", "-Command",
            $". ./script.ps1; $typed = '{typed}'; "
                + "(TabExpansion2 $typed $typed.Length).CompletionMatches.CompletionText")
            .ReplaceLineEndings("\n").Split('\n'));
    }

    private string Run(string shell, params string[] arguments)
    {
        var isHere = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Any(folder => File.Exists(Path.Combine(folder, shell)));
        Assert.SkipUnless(isHere && !OperatingSystem.IsWindows(), $"There is no {shell} here.");
        var start = new ProcessStartInfo(shell, arguments)
        {
            WorkingDirectory = _folder.Path,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        start.Environment["TERM"] = "xterm";
        start.Environment["HOME"] = _folder.Path;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(LongestMilliseconds))
            process.Kill(entireProcessTree: true);
        return output.Result;
    }
}
