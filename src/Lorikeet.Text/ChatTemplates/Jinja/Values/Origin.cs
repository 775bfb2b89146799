namespace Lorikeet.Text.ChatTemplates.Jinja.Values;

/// <summary>Where a stretch of text came from, to find in a rendering what the assistant says.</summary>
/// <remarks>A positive origin is an assistant's message: its index among the messages plus one.</remarks>
internal static class Origin
{
    /// <summary>The template itself, or a variable that is no message.</summary>
    public const int Template = 0;

    /// <summary>A message of someone else.</summary>
    public const int Prompt = -1;

    /// <summary>
    /// A rewriting of text of an assistant together with other text, where the parts cannot be separated.
    /// </summary>
    public const int Mixed = -2;

    /// <summary>Printed inside <c>{% generation %}</c>.</summary>
    public const int Generated = -3;

    public static int OfAssistant(int messageIndex) => messageIndex + 1;

    /// <summary>The origin of text made from both.</summary>
    public static int Combine(int left, int right)
    {
        if (left == right || right == Template)
            return left;
        if (left == Template)
            return right;
        return left > 0 || right > 0 ? Mixed : Math.Min(left, right);
    }
}

/// <summary>A stretch of text of one origin.</summary>
/// <param name="Length">UTF-16 units; 0 marks the place of an empty content.</param>
/// <param name="Origin">See <see cref="Values.Origin"/>.</param>
/// <param name="Turn">The pass of the outermost loop that printed it, from 1; 0 when none did.</param>
internal readonly record struct Run(int Length, int Origin, int Turn);
