using System.Text.Json.Nodes;

namespace Lorikeet.Data.Shapes;

/// <summary>Instructions as Alpaca and Dolly write them, with earlier turns in <c>history</c>.</summary>
internal sealed class InstructionShape : RowShape
{
    private static readonly Column Instruction = new("instruction");
    private static readonly Column Output = new("output", "response", "completion", "answer");
    private static readonly Column Input = new("input", "context") { IsOptional = true };

    public override DatasetShape Kind => DatasetShape.Instruction;

    public override string Description =>
        "instructions, perhaps with an input, and the output (Alpaca); the output is learned";

    public override IReadOnlyList<Column> Columns => [Instruction, Output, Input, Column.System, Column.History];

    public override PromptStyle StyleOf(RowCells row) => PromptStyle.Instruction;

    public override RowContent Read(RowCells row)
    {
        var instruction = row.Text(Instruction);
        var output = row.Text(Output);
        var input = row.Text(Input);
        if (string.IsNullOrWhiteSpace(instruction) && string.IsNullOrWhiteSpace(input))
            return new SkippedContent("no instruction");
        return string.IsNullOrWhiteSpace(output)
            ? new SkippedContent("no output")
            : EarlierTurns.Before(row, ConversationContent.Of(ToMessage(instruction ?? "", input), output));
    }

    private static JsonObject ToMessage(string instruction, string? input)
    {
        if (string.IsNullOrWhiteSpace(input))
            return ConversationContent.Message("user", instruction);
        var message = ConversationContent.Message("user", $"{instruction}\n\n{input}");
        message["instruction"] = instruction;
        message["input"] = input;
        return message;
    }
}
