namespace Lorikeet.Data.Shapes;

/// <summary>
/// Prompts and answers that were tokenized elsewhere: pairs (<c>chosen_ids</c>, <c>rejected_ids</c>), or one answer
/// (<c>completion_ids</c>) with a label that says whether it is wanted.
/// </summary>
internal sealed class TokenizedAnswersShape : RowShape
{
    private static readonly Column Prompt = new("prompt_ids");
    private static readonly Column Chosen = new("chosen_ids") { IsOptional = true };
    private static readonly Column Rejected = new("rejected_ids") { IsOptional = true };
    private static readonly Column Completion = new("completion_ids") { IsOptional = true };
    private static readonly Column Label = new("label", "kto_tag") { IsOptional = true };

    public override DatasetShape Kind => DatasetShape.Tokenized;

    public override string Description => "token ids of prompts and their answers, which are learned";

    public override IReadOnlyList<Column> Columns => [Prompt, Chosen, Rejected, Completion, Label];

    public override bool Fits(RowCells row) => row.Has(Prompt) && (row.Has(Chosen) || row.Has(Completion));

    public override PromptStyle StyleOf(RowCells row) => PromptStyle.Written;

    public override RowContent Read(RowCells row)
    {
        var prompt = TokenizedShape.Numbers(row, Prompt)!;
        var rejected = TokenizedShape.Numbers(row, Rejected);
        var answer = TokenizedShape.Numbers(row, Chosen) ?? TokenizedShape.Numbers(row, Completion);
        return Of(prompt, answer) with
        {
            Rejected = rejected is null ? null : Of(prompt, rejected),
            IsWanted = MessagesShape.IsWanted(row, Label),
        };
    }

    private static RowContent Of(int[] prompt, int[]? answer) =>
        prompt.Length == 0 ? new SkippedContent("no prompt")
        : answer is not { Length: > 0 } ? new SkippedContent("no answer")
        : new TokenContent(
            [.. prompt, .. answer], [.. Enumerable.Repeat(TrainingRow.Ignored, prompt.Length), .. answer], true);
}
