using Lorikeet.Formats;

namespace Lorikeet.Text.ChatTemplates.Jinja.Runtime;

/// <summary>
/// What one rendering may make: text, lists and steps, all counted in bytes, as many as
/// <see cref="ReadingLimits.Bytes"/> allows for the template and the conversation. A template is someone else's text:
/// it must not be able to eat all memory or time.
/// </summary>
/// <remarks>
/// The budget is that of the thread, since values are made in many places that know nothing of the rendering. What
/// makes a value larger than those it is made of pays before it does; everything else pays afterwards. Nothing is paid
/// back.
/// </remarks>
internal sealed class RenderingBudget
{
    // About what a step allocates; two million of them take less than a second.
    private const int StepBytes = 32;

    // Looking at text is that much cheaper than a step.
    private const int CharactersOfStep = 32;

    [ThreadStatic]
    private static RenderingBudget? t_current;

    private readonly long _whole;
    private long _left;

    private RenderingBudget(long inputBytes) => _left = _whole = ReadingLimits.Bytes(inputBytes);

    /// <summary>Opens a budget for this thread, until the result is disposed.</summary>
    public static Opened Open(long inputBytes)
    {
        var opened = new Opened(t_current);
        t_current = new RenderingBudget(inputBytes);
        return opened;
    }

    /// <summary>Pays for evaluating something, or for one item of a loop.</summary>
    public static void Step() => Take(StepBytes);

    /// <summary>Pays for looking through text, or for anything as cheap.</summary>
    public static void Scan(int characters) => Take((long)characters / CharactersOfStep * StepBytes);

    /// <summary>Counts text against the limit of what a template may print.</summary>
    public static void Text(long characters) => Take(sizeof(char) * Math.Min(characters, long.MaxValue / sizeof(char)));

    /// <summary>Pays for a number of bytes; nothing outside a rendering.</summary>
    public static void Take(long bytes)
    {
        if (t_current is { } budget && (budget._left -= Math.Min(bytes, budget._whole + 1)) < 0)
        {
            throw new JinjaException(
                "MemoryError",
                $"the template makes more than {budget._whole} bytes of text, lists and steps, which no conversation " +
                "of this length explains");
        }
    }

    /// <summary>A budget that is open.</summary>
    public readonly ref struct Opened(RenderingBudget? outer)
    {
        /// <summary>Goes back to the budget before it.</summary>
        public void Dispose() => t_current = outer;
    }
}
