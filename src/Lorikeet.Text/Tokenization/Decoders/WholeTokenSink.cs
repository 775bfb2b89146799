using System.Text;

namespace Lorikeet.Text.Tokenization.Decoders;

/// <summary>Collects each token to its end, for steps that cannot work on a part of it.</summary>
internal abstract class WholeTokenSink : ITextSink
{
    private readonly StringBuilder _token = new();

    public void Write(ReadOnlySpan<char> text, bool starts, bool ends)
    {
        if (starts && ends)
        {
            WriteToken(text);
            return;
        }
        _token.Append(text);
        if (!ends)
            return;
        WriteToken(_token.ToString());
        _token.Clear();
    }

    public abstract void Complete();

    protected abstract void WriteToken(ReadOnlySpan<char> token);
}
