using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Models.Generation;

namespace Lorikeet.Serving;

/// <summary>A conversation whose next turn a <see cref="ModelHost"/> is to write.</summary>
public sealed record ChatRequest
{
    /// <summary>
    /// The <see cref="ServedModel.Name"/> of the model that answers; null for <see cref="ModelHost.Default"/>.
    /// </summary>
    public string? Model { get; init; }

    /// <summary>The conversation; the last turn is the user's or a tool's.</summary>
    public required IReadOnlyList<ChatMessage> Messages { get; init; }

    /// <summary>Tools that the model may call.</summary>
    /// <value>None.</value>
    public IReadOnlyList<ToolDefinition> Tools { get; init; } = [];

    /// <summary>Whether it may, must or must not call one.</summary>
    /// <value><see cref="ToolChoice.Auto"/>: it decides.</value>
    public ToolChoice ToolChoice { get; init; } = ToolChoice.Auto;

    /// <summary>Whether an answer may call several tools; else it ends with the first call.</summary>
    /// <value>True.</value>
    public bool SeveralToolCalls { get; init; } = true;

    /// <summary>
    /// What the chat template may refer to besides the conversation, such as <c>enable_thinking</c> of Qwen 3; null for
    /// nothing.
    /// </summary>
    public JsonObject? TemplateVariables { get; init; }

    /// <summary>What the answer must look like.</summary>
    /// <value><see cref="ResponseFormat.Text"/>: anything.</value>
    public ResponseFormat ResponseFormat { get; init; } = ResponseFormat.Text;

    /// <summary>
    /// How to answer; null for <see cref="ServedModel.Generation"/>. Without end tokens of its own it takes the
    /// model's, and what ends a turn in the model's prompt format always ends the answer.
    /// </summary>
    public GenerationOptions? Generation { get; init; }

    /// <inheritdoc cref="DecodingRequest.LogitBias"/>
    public IReadOnlyDictionary<int, float>? LogitBias { get; init; }

    /// <inheritdoc cref="DecodingRequest.TopLogProbabilities"/>
    public int? TopLogProbabilities { get; init; }

    /// <inheritdoc cref="DecodingRequest.IgnoreEnd"/>
    public bool IgnoreEnd { get; init; }

    /// <summary>How many answers are wanted; drawn ones differ.</summary>
    /// <value>1.</value>
    public int Answers { get; init; } = 1;
}

/// <summary>What has come of an answer since the piece before.</summary>
/// <param name="Answer">Which of <see cref="ChatRequest.Answers"/> it belongs to, from 0.</param>
/// <param name="Text">
/// Text that became certain: whole characters, without blanks around the answer and without the markup of tool calls.
/// </param>
public sealed record ChatPiece(int Answer, string Text)
{
    /// <summary>
    /// What the model thought before its answer, where its template has it think between <c>&lt;think></c> and
    /// <c>&lt;/think></c>.
    /// </summary>
    public string Thought { get; init; } = "";

    /// <summary>Calls of tools that became complete.</summary>
    public IReadOnlyList<ToolCall> ToolCalls { get; init; } = [];

    /// <summary>The tokens that were chosen; the text of the last of them may come later.</summary>
    public IReadOnlyList<DecodedToken> Tokens { get; init; } = [];

    /// <summary>Why the answer ended, with its last piece; null before.</summary>
    public ChatFinish? Finish { get; init; }

    /// <summary>Tokens of the prompt and of this answer up to here.</summary>
    public required TokenUsage UsageSoFar { get; init; }

    /// <summary>
    /// Tokens of the whole request, all of its answers together, with the last piece of all; null before.
    /// </summary>
    public TokenUsage? Usage { get; init; }
}

/// <summary>Why a turn ended.</summary>
public enum ChatFinish
{
    /// <summary>The model ended it, or a stop string did.</summary>
    Stop,

    /// <summary>The length limit was reached.</summary>
    Length,

    /// <summary>The model waits for the results of its <see cref="ChatPiece.ToolCalls"/>.</summary>
    ToolCalls,
}
