using Lorikeet.Cli.Shell;

namespace Lorikeet.Cli.Tests;

public sealed class ArgumentCheckTests
{
    [Theory]
    [InlineData(
        "train|-lr|1e-4", "'-lr' is not an option. Options begin with two dashes. Did you mean '--learning_rate'?")]
    [InlineData("train|--load_in_4bit|yes", "--load_in_4bit is 'yes'. Expected true or false (or nothing).")]
    [InlineData(
        "train|--max_seq_length|128|--max_length|256",
        "'--max_seq_length' and '--max_length' are names of one option.")]
    [InlineData("train|--max_steps|1|--max_steps|2", "'--max_steps' is given twice. Give it once.")]
    [InlineData("train|--model|--dataset|qa.jsonl", "--model has no value. Expected DIR|ID.")]
    [InlineData("generate|--prompt|--max_new_tokens|8", "--prompt has no value. Expected TEXT.")]
    [InlineData("generate|--prompt|“What|is|LoRA?”", "'“What' begins with a quotation mark of a word processor")]
    [InlineData("train|—model|x", "'—model' begins with a dash of a word processor. Write two plain ones: --model.")]
    public void SlipsOfTheHand_AreNamed(string line, string expected)
    {
        var problem = ArgumentCheck.FindProblem(CommandLine.CreateRoot(), line.Split('|'));
        Assert.NotNull(problem);
        Assert.StartsWith(expected, problem.Message);
    }

    [Theory]
    [InlineData("generate|--prompt|-lr|--prompt|“Hello” she said|--prompt|—")]
    [InlineData("generate|--prompt|one|two|--prompt|three")]
    [InlineData("train|--load_in_4bit|run.yaml")]
    [InlineData("train|--load_in_4bit|true|--learning_rate|1e-4")]
    [InlineData("train|--load_in_4bit|--resume_from_checkpoint|--learning_rate|1e-4")]
    public void TextsAndRepeatedLists_AreTakenAsTheyAre(string line) =>
        Assert.Null(ArgumentCheck.FindProblem(CommandLine.CreateRoot(), line.Split('|')));

    [Theory]
    [InlineData("export|onnx", "FORMAT is 'onnx'. Expected gguf: a file")]
    [InlineData("export", "FORMAT is missing. Expected gguf: a file")]
    [InlineData("bench", "WHAT is missing. Expected train, decode, grpo, load, gemm, ")]
    public void WrongArguments_AreNotSaidInTheParsersWords(string line, string expected)
    {
        var problem = ArgumentCheck.FindProblem(CommandLine.CreateRoot().Parse(line.Split('|')));
        Assert.NotNull(problem);
        Assert.StartsWith(expected, problem.Message);
    }
}
