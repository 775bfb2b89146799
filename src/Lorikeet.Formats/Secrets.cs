using System.Text.RegularExpressions;

namespace Lorikeet.Formats;

/// <summary>
/// Keeps what opens accounts out of messages and logs: the hub's tokens, and names and passwords in addresses. What is
/// written on a command line by mistake would otherwise stand in the log of every CI.
/// </summary>
public static partial class Secrets
{
    /// <summary>The text with secrets replaced by an ellipsis.</summary>
    /// <param name="text">A message, an address or a line of a log.</param>
    public static string Hide(string text)
    {
        if (text.Contains("hf_", StringComparison.Ordinal) || text.Contains("api_org_", StringComparison.Ordinal))
            text = Token().Replace(text, "$1…");
        return text.Contains("://", StringComparison.Ordinal) ? UserInformation().Replace(text, "://…@") : text;
    }

    // Names such as hf_transfer have neither a capital nor a digit.
    [GeneratedRegex(@"(?<![A-Za-z0-9_])(hf_|api_org_)(?=[a-z]*[A-Z0-9]|[a-z]{20})[A-Za-z0-9_-]+")]
    private static partial Regex Token();

    [GeneratedRegex(@"://[^\s/?#'""]*@")]
    private static partial Regex UserInformation();
}
