using System.Text;
using System.Text.Json.Nodes;
using Lorikeet.Data.Prompts;
using Lorikeet.Models.Generation;

namespace Lorikeet.Cli.Inference;

/// <summary>A conversation line by line: a question, then the answer as it comes.</summary>
/// <param name="generator">Answers.</param>
/// <param name="format">How the conversation is written out.</param>
/// <param name="encode">Text, and where in it answers begin, to token ids.</param>
/// <param name="options">How answers are chosen; the format's stop strings are added.</param>
/// <param name="contextLength">Tokens the model reads at most; the oldest turns are left out beyond it.</param>
internal sealed class ChatSession(
    TextGenerator generator, PromptFormat format, Func<string, IReadOnlyList<int>, int[]> encode,
    GenerationOptions options, int contextLength)
{
    private const string Help =
        """
        /reset         forget the conversation
        /system TEXT   set the instructions
        /adapter NAME  let another adapter answer (base: none)
        /history       send the conversation so far, or each question alone
        /exit          end; Ctrl+C stops an answer
        """;

    private PromptFormat _format = format;
    private GenerationOptions Options =>
        options with { StopStrings = [.. options.StopStrings.Union(_format.StopStrings)] };

    private readonly List<JsonObject> _turns = [];
    private volatile bool _isAnswering;
    private volatile bool _isStopped;
    private bool? _sendsHistory;

    /// <summary>
    /// Activates the adapter of a name and returns its prompt format; null where there is only one model.
    /// </summary>
    public Func<string, PromptFormat>? Exchange { get; init; }

    /// <summary>
    /// Whether a question is asked with the turns before it: not where the adapter was trained on single questions.
    /// </summary>
    private bool SendsHistory => _sendsHistory ?? !_format.IsSingleTurn;

    /// <summary>Instructions before the conversation; null for none.</summary>
    public string? System { get; set; }

    /// <summary>Talks until the input ends or the user leaves.</summary>
    /// <param name="input">Questions and commands.</param>
    /// <param name="answers">Where answers go.</param>
    /// <param name="talk">Where everything else goes.</param>
    public void Run(TextReader input, TextWriter answers, TextWriter talk)
    {
        talk.WriteLine(Help);
        if (!SendsHistory)
            talk.WriteLine(
                "The adapter learned single questions, so each is asked alone; /history sends the conversation.");
        while (true)
        {
            talk.Write("> ");
            talk.Flush();
            if (input.ReadLine() is not { } line)
                return;
            line = line.Trim();
            if (line is "/exit" or "/quit")
                return;
            if (line.StartsWith('/'))
                Obey(line, talk);
            else if (line.Length > 0)
                Answer(line, answers, talk);
        }
    }

    /// <summary>Stops the answer that is being given; false when none is.</summary>
    public bool TryStopAnswer()
    {
        _isStopped = _isAnswering;
        return _isAnswering;
    }

    private void Obey(string command, TextWriter talk)
    {
        var (name, argument) = command.Split(' ', 2) is [var first, var rest] ? (first, rest.Trim()) : (command, "");
        switch (name)
        {
            case "/reset":
                _turns.Clear();
                talk.WriteLine("The conversation begins anew.");
                break;
            case "/system":
                System = argument.Length > 0 ? argument : null;
                _turns.Clear();
                talk.WriteLine(
                    System is null
                        ? "No instructions; the conversation begins anew."
                        : "Instructions set; the conversation begins anew.");
                break;
            case "/history":
                _sendsHistory = !SendsHistory;
                talk.WriteLine(
                    SendsHistory ? "The conversation is sent with each question." : "Each question is asked alone.");
                break;
            case "/adapter" when Exchange is not null && argument.Length > 0:
                talk.WriteLine(TakeAdapter(Exchange, argument));
                break;
            default:
                talk.WriteLine(name == "/help" ? Help : $"'{name}' is not a command.\n{Help}");
                break;
        }
    }

    /// <summary>The conversation goes on; the next answer is the other adapter's.</summary>
    private string TakeAdapter(Func<string, PromptFormat> exchange, string name)
    {
        try
        {
            _format = exchange(name);
            return $"'{name}' answers from now on, in the format '{_format.Name}'.";
        }
        catch (ConfigurationException fault)
        {
            return fault.Message;
        }
    }

    private void Answer(string question, TextWriter answers, TextWriter talk)
    {
        if (!SendsHistory)
            _turns.Clear();
        _turns.Add(Message("user", question));
        var answer = new StringBuilder();
        (_isStopped, _isAnswering) = (false, true);
        foreach (var piece in generator.Stream(FittingPrompt(talk), Options))
        {
            answers.Write(piece.Text);
            answers.Flush();
            answer.Append(piece.Text);
            if (_isStopped)
                break;
        }

        _isAnswering = false;
        answers.WriteLine();
        _turns.Add(Message("assistant", answer.ToString().Trim()));
    }

    /// <summary>
    /// The conversation's tokens, without the oldest turns when there is no room for them and an answer.
    /// </summary>
    private int[] FittingPrompt(TextWriter talk)
    {
        for (var ids = Encode(); ; ids = Encode())
        {
            if (_turns.Count == 1 || ids.Length + options.NewTokensAfter(ids.Length) <= contextLength)
                return ids;
            _turns.RemoveRange(0, 2);
            talk.WriteLine($"(The oldest question is forgotten: the model reads {contextLength} tokens at most.)");
        }

        int[] Encode()
        {
            var messages = System is null ? _turns : _turns.Prepend(Message("system", System));
            var (text, boundaries) = _format.RenderConversation(
                new JsonArray([.. messages.Select(message => message.DeepClone())]));
            return encode(text, boundaries);
        }
    }

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };
}
