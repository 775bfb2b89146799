using System.Text;
using Lorikeet.Data.Prompts;

namespace Lorikeet.Serving;

/// <summary>
/// Tells what a model thinks, between <c>&lt;think></c> and <c>&lt;/think></c> where its answer begins, from what it
/// answers. Text goes through as soon as it is certain which of the two it is.
/// </summary>
/// <param name="isThinking">
/// Whether the prompt ends with the first mark, so that the answer begins with a thought.
/// </param>
internal sealed class ThoughtReader(bool isThinking)
{
    private const string Opening = "<think>";
    private const string Closing = "</think>";

    private readonly StringBuilder _held = new(); // what may be a mark, or blanks beside one
    private State _state = isThinking ? State.Opened : State.Beginning;

    private enum State
    {
        /// <summary>Nothing but blanks and perhaps a part of the first mark has come.</summary>
        Beginning,

        /// <summary>Blanks after the first mark belong to neither.</summary>
        Opened,

        Thinking,

        /// <summary>Blanks after the second mark do not either.</summary>
        Closed,

        Answering,
    }

    /// <summary>A reader for the answer to a prompt; null where the format knows nothing of thoughts.</summary>
    /// <param name="format">The model's.</param>
    /// <param name="prompt">The prompt as text.</param>
    public static ThoughtReader? Of(PromptFormat format, string prompt) =>
        !format.Template.Contains(Closing, StringComparison.Ordinal) ? null
        : new ThoughtReader(prompt.TrimEnd().EndsWith(Opening, StringComparison.Ordinal));

    /// <summary>Takes the next piece of text.</summary>
    /// <param name="text">The piece.</param>
    /// <param name="isLast">Whether it is the last: what was held back is given too.</param>
    public (string Thought, string Answer) Push(string text, bool isLast)
    {
        _held.Append(text);
        var (thought, answer) = ("", "");
        while (_held.Length > 0)
        {
            var state = _state;
            var given = Take(isLast);
            if (state == State.Thinking)
                thought += given;
            else
                answer += given;
            if (given.Length == 0 && state == _state)
                break;
        }

        return (thought, answer);
    }

    /// <summary>What is certain of the text that is held; perhaps the state changes instead.</summary>
    private string Take(bool isLast)
    {
        var held = _held.ToString();
        switch (_state)
        {
            case State.Beginning:
                var start = held.TrimStart();
                if (start.StartsWith(Opening, StringComparison.Ordinal))
                {
                    Hold(start[Opening.Length..]);
                    _state = State.Opened;
                }
                else if (isLast || !Opening.StartsWith(start, StringComparison.Ordinal))
                {
                    _state = State.Answering;
                }

                return "";
            case State.Thinking:
                var end = held.IndexOf(Closing, StringComparison.Ordinal);
                if (end >= 0)
                {
                    Hold(held[(end + Closing.Length)..]);
                    _state = State.Closed;
                    return held[..end].TrimEnd();
                }

                var certain = isLast ? held : held[..^Uncertain(held)];
                Hold(held[certain.Length..]);
                return certain;
            case State.Opened or State.Closed:
                Hold(held.TrimStart());
                if (_held.Length > 0)
                    _state = _state == State.Opened ? State.Thinking : State.Answering;
                return "";
            default:
                Hold("");
                return held;
        }
    }

    private void Hold(string text) => _held.Clear().Append(text);

    /// <summary>Length of the end of a thought that blanks and the beginning of the second mark may make up.</summary>
    private static int Uncertain(string text)
    {
        var mark = Math.Min(Closing.Length - 1, text.Length);
        while (!Closing.StartsWith(text[^mark..], StringComparison.Ordinal))
            mark--;
        var before = text[..^mark];
        return mark + before.Length - before.TrimEnd().Length;
    }
}
