using System.CommandLine;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Inference;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Data.Reading;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Text;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Cli.Verbs;

/// <summary>The tokens of texts, by the code that training uses.</summary>
internal sealed class TokenizeVerb : CatalogVerb
{
    public TokenizeVerb() : base(
        "tokenize", "Token ids of texts, where each stands in its text, and the text they decode to.",
        OptionCatalog.Of<TokenizeOptions>())
    { }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("what a model reads", "tokenize --model DIR --input rows.jsonl --output tokens.jsonl"),
        ("without the tokens around a sequence", "tokenize --model DIR --input rows.jsonl --add_special_tokens false"),
    ];

    public override int Run(Invocation call)
    {
        var options = Bind(call, new TokenizeOptions());
        if (options.Model.Length == 0)
            throw new ConfigurationException("No tokenizer is named. Give the folder that holds one with --model.");
        if (options.Input is null)
            throw new ConfigurationException("Nothing is tokenized. Give --input FILE with rows of text.");

        var tokenizer = Tokenizer.Load(ModelSource.Resolve(options.Model, options.Revision));
        if (tokenizer.Caution is { } caution)
            call.Terminal.Error.WriteLine(caution);
        RowFile.Write(
            options.Output, call.Terminal.Out, RowFile.Read(options.Input)
                .Select(row => Describe(row, tokenizer, options)));
        return 0;
    }

    private static JsonObject Describe(DataRow row, Tokenizer tokenizer, TokenizeOptions options)
    {
        var text = RowFile.TextOf(row, options.TextField);
        var encoding = tokenizer.Encode(text, options.AddSpecialTokens);
        var places = new CodePoints(text);
        return new JsonObject
        {
            ["ids"] = JsonText.Numbers(encoding.Ids),
            ["offsets"] = JsonText.Ranges(encoding.Offsets.Select(places.Of)),
            ["decoded"] = tokenizer.Decode(encoding.Ids, options.SkipSpecialTokens),
        };
    }
}
