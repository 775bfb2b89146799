using System.CommandLine;
using Lorikeet;
using NanoBase;

var facts = new Option<DirectoryInfo>("--facts")
{
    Description = "The folder of tables and phrasings",
    DefaultValueFactory = _ => new DirectoryInfo("assets/facts"),
    Recursive = true,
};
var root = new RootCommand("Regenerates the embedded base model, its text and its questions")
{
    facts,
    CorpusCommand.Create(facts),
    PretrainCommand.Create(facts),
    QuestionsCommand.Create(facts),
    TokenizerCommand.Create(),
};
try
{
    return root.Parse(args).Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (LorikeetException error)
{
    Console.Error.WriteLine(error.Message);
    return 1;
}
