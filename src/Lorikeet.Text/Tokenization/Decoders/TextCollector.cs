using System.Text;

namespace Lorikeet.Text.Tokenization.Decoders;

/// <summary>The end of a chain of decoders: the text so far.</summary>
internal sealed class TextCollector : ITextSink
{
    private readonly StringBuilder _text = new();

    public void Write(ReadOnlySpan<char> text, bool starts, bool ends) => _text.Append(text);

    public void Complete()
    {
    }

    /// <summary>Takes out the text written since the last call.</summary>
    public string Take()
    {
        var text = _text.ToString();
        _text.Clear();
        return text;
    }
}
