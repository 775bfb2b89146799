using System.CommandLine;
using Lorikeet.Formats;
using NanoBase.Tokenizing;

namespace NanoBase;

/// <summary><c>tokenizer</c>: writes the Hugging Face files beside a <c>tokenizer.model</c>.</summary>
internal static class TokenizerCommand
{
    public static Command Create()
    {
        var folder = new Option<DirectoryInfo>("--folder")
        {
            Description = "The folder that has tokenizer.model",
            DefaultValueFactory = _ => new DirectoryInfo("assets/nano-base"),
        };
        var command = new Command("tokenizer", "Write tokenizer.json and its settings from tokenizer.model") { folder };
        command.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(folder).FullName;
            foreach (var (name, content) in HuggingFaceTokenizer.Write(Path.Combine(path, "tokenizer.model")))
                AtomicFile.WriteText(Path.Combine(path, name), content);
        });
        return command;
    }
}
