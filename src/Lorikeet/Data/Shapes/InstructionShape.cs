using System.Text.Json.Nodes;
using Lorikeet.Options;

namespace Lorikeet.Data.Shapes;

/// <summary>Instructions as Alpaca and Dolly write them, with earlier turns in <c>history</c>.</summary>
internal sealed class InstructionShape : RowShape
{
    private static readonly Column Instruction = new("instruction");
    private static readonly Column Output = new("output", "response", "completion", "answer");
    private static readonly Column Input = new("input", "context") { IsOptional = true };
    private static readonly Column System = new("system") { IsOptional = true };
    private static readonly Column History = new("history") { IsOptional = true };

    public override DatasetShape Kind => DatasetShape.Instruction;

    public override string Description =>
        "instructions, perhaps with an input, and the output (Alpaca); the output is learned";

    public override IReadOnlyList<Column> Columns => [Instruction, Output, Input, System, History];

    public override PromptStyle StyleOf(RowCells row) => PromptStyle.Instruction;

    public override Example Read(RowCells row)
    {
        var instruction = row.Text(Instruction);
        var output = row.Text(Output);
        var input = row.Text(Input);
        if (string.IsNullOrWhiteSpace(instruction) && string.IsNullOrWhiteSpace(input))
            return new SkippedExample("no instruction");
        if (string.IsNullOrWhiteSpace(output))
            return new SkippedExample("no output");

        var question = ToMessage(instruction ?? "", input);
        var example = ConversationExample.Of(question, output, row.Text(System));
        var place = example.Messages.IndexOf(question);
        foreach (var turn in row.List(History)?.OfType<JsonArray>() ?? [])
        {
            if (turn is not [JsonValue asked, JsonValue answered])
                throw row.Unexpected(History, "a list of pairs of an instruction and its output");
            example.Messages.Insert(place++, ToMessage(RowCells.TextOf(asked), null));
            example.Messages.Insert(place++, ConversationExample.Message("assistant", RowCells.TextOf(answered)));
        }
        return example;
    }

    private static JsonObject ToMessage(string instruction, string? input)
    {
        if (string.IsNullOrWhiteSpace(input))
            return ConversationExample.Message("user", instruction);
        var message = ConversationExample.Message("user", $"{instruction}\n\n{input}");
        message["instruction"] = instruction;
        message["input"] = input;
        return message;
    }
}
