namespace Lorikeet.Serving;

/// <summary>
/// Text that comes in pieces, without the blanks around it: those within are held until more follows.
/// </summary>
internal sealed class AnswerText
{
    private string _blanks = "";
    private bool _isBegun;

    /// <summary>Takes the next piece; returns what certainly is not at an end of the text.</summary>
    public string Push(string piece)
    {
        var text = _isBegun ? piece : piece.TrimStart();
        if (text.Length == 0)
            return "";
        var end = text.TrimEnd().Length;
        if (end == 0)
        {
            _blanks += text;
            return "";
        }

        var certain = _blanks + text[..end];
        (_blanks, _isBegun) = (text[end..], true);
        return certain;
    }
}
