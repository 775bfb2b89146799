namespace Lorikeet.Data.Shapes;

/// <summary>One column of text.</summary>
internal sealed class TextShape : RowShape
{
    private static readonly Column Text = new("text", "content", "document");

    public override DatasetShape Kind => DatasetShape.Text;

    public override string Description =>
        "text; where it marks who speaks (### Human: ... ### Assistant: ...) the answers are learned, else all of it";

    public override IReadOnlyList<Column> Columns => [Text];

    public override PromptStyle StyleOf(RowCells row) => PromptStyle.Written;

    public override RowContent Read(RowCells row) => row.Text(Text) is { } text && !string.IsNullOrWhiteSpace(text)
        ? new TextContent(text)
        : new SkippedContent("no text");
}
