using Lorikeet.Cli.Shell;
using Lorikeet.Cli.Verbs;

namespace Lorikeet.Cli.Tests;

public sealed class CompletionsVerbTests
{
    [Theory]
    [InlineData("tra", "train")]
    [InlineData("runs sh", "show")]
    [InlineData("train --lora_alp", "--lora_alpha")]
    [InlineData("train --lora-alp", "--lora-alpha")]
    [InlineData("train --lr_scheduler_type cosine_w", "cosine_with_restarts")]
    [InlineData("train --lr_scheduler_type=cosine_w", "--lr_scheduler_type=cosine_with_restarts")]
    [InlineData("completions zs", "zsh")]
    [InlineData("generate --model x --max_new", "--max_new_tokens")]
    [InlineData("train --model x --load_in_4bit --lr_scheduler_type cosine_w", "cosine_with_restarts")]
    [InlineData("train run.yaml --lora_alp", "--lora_alpha")]
    [InlineData("train --model \"my models/a\" --lora_alp", "--lora_alpha")]
    [InlineData("train --model 'my models/a' --dataset my\\ data --lora_alp", "--lora_alpha")]
    public void Line_IsCompleted(string line, string expected) =>
        Assert.Contains(expected, CompletionsVerb.Complete(CommandLine.CreateRoot(), line));

    [Fact]
    public void Options_AreOfferedOnce_AndThoseOfOtherToolsNot()
    {
        var options = CompletionsVerb.Complete(CommandLine.CreateRoot(), "train --l");

        Assert.Contains("--learning_rate", options);
        Assert.DoesNotContain("--learning-rate", options);
        Assert.DoesNotContain("--lora_on_cpu", options);
        Assert.Equal(options.Distinct(), options);
        Assert.Equal(string.Join('\n', options) + "\n", Cli.Succeed("completions", "--for=train --l").Output
            .ReplaceLineEndings("\n"));
    }

    [Fact]
    public void EveryShell_HasAScriptThatAsksTheProgram()
    {
        Assert.Equal(["bash", "fish", "powershell", "zsh"], CompletionScripts.Shells.Order());
        Assert.All(CompletionScripts.Shells, shell =>
            Assert.Contains("completions", Cli.Succeed("completions", shell).Output));
        Assert.Equal(2, Cli.Run("completions").ExitCode);
    }
}
