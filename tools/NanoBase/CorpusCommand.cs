using System.CommandLine;
using NanoBase.Facts;
using NanoBase.Generation;

namespace NanoBase;

/// <summary><c>corpus</c>: writes documents, one a line.</summary>
internal static class CorpusCommand
{
    public static Command Create(Option<DirectoryInfo> facts)
    {
        var documents = new Option<int>("--documents")
        {
            Description = "How many documents to write",
            DefaultValueFactory = _ => 60_000,
        };
        var seed = new Option<ulong>("--seed")
        {
            Description = "Another seed gives other words for the same facts",
            DefaultValueFactory = _ => 1,
        };
        var output = new Option<FileInfo>("--output")
        {
            Description = "The file to write",
            DefaultValueFactory = _ => new FileInfo("artifacts/nano-base/corpus.txt"),
        };
        var command = new Command("corpus", "Write the text that the nano base reads") { documents, seed, output };
        command.SetAction(parsed =>
        {
            var library = FactLibrary.Load(parsed.GetRequiredValue(facts).FullName);
            var lines = new CorpusGenerator(library)
                .Documents(parsed.GetValue(seed))
                .Take(parsed.GetValue(documents))
                .Select(document => document.Text);
            var file = parsed.GetRequiredValue(output).FullName;
            TextLines.Write(file, lines);
            Console.Error.WriteLine($"{library.FactCount} facts about {library.Entities.Count} entities: {file}");
        });
        return command;
    }
}
