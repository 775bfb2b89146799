namespace Lorikeet.Data.Shapes;

/// <summary>How rows of a shape become text when the user names no template.</summary>
internal enum PromptStyle
{
    /// <summary>The text is there already.</summary>
    Written,

    /// <summary>The tokenizer's chat template, else a plain question-and-answer form.</summary>
    Conversation,

    /// <summary>Prompt and completion one after the other, nothing between.</summary>
    Verbatim,

    /// <summary>Alpaca's instruction, input and response.</summary>
    Instruction,

    /// <summary>Context, question and answer.</summary>
    Reading,
}

/// <summary>What the columns of a dataset mean.</summary>
internal abstract class RowShape
{
    /// <summary>Every shape, from the most to the least particular; detection takes the first that fits.</summary>
    public static IReadOnlyList<RowShape> All { get; } =
    [
        new TokenizedShape(), new TokenizedAnswersShape(), new MessagesShape(), new ShareGptShape(),
        new PreferenceShape(), new MultipleChoiceShape(),
        new QuestionAnswerShape(), new InstructionShape(), new PromptCompletionShape(), new PlainTurnsShape(),
        new TextShape(),
    ];

    /// <summary>The shape's name in options and messages.</summary>
    public abstract DatasetShape Kind { get; }

    /// <summary>One line for the user: what is read and what is learned.</summary>
    public abstract string Description { get; }

    /// <summary>
    /// The shape with what only several rows together can say; by default there is nothing of the kind.
    /// </summary>
    public virtual RowShape SeenIn(IReadOnlyList<RowCells> sample) => this;

    /// <summary>Columns it reads.</summary>
    public abstract IReadOnlyList<Column> Columns { get; }

    /// <summary>Columns of a row it reads beside these, which have no name of their own.</summary>
    public virtual IEnumerable<string> FurtherColumns(RowCells row) => [];

    /// <summary>Whether a row can be read so.</summary>
    public virtual bool Fits(RowCells row) => Columns.All(column => column.IsOptional || row.Has(column));

    /// <summary>A column that must have a value and has none in this row; null where all have.</summary>
    public virtual string? MissingIn(RowCells row) =>
        Columns.FirstOrDefault(column => !column.IsOptional && row[column] is null)?.Name;

    /// <summary>How such a row becomes text by default.</summary>
    public abstract PromptStyle StyleOf(RowCells row);

    /// <summary>Reads a row.</summary>
    /// <exception cref="DatasetException">A cell is of the wrong kind.</exception>
    public abstract RowContent Read(RowCells row);
}
