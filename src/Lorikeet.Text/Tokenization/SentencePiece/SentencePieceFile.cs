using Lorikeet.Text.Tokenization.Configuration;

namespace Lorikeet.Text.Tokenization.SentencePiece;

/// <summary>Makes a tokenizer of a <c>tokenizer.model</c>.</summary>
internal static class SentencePieceFile
{
    public static Tokenizer Load(string file, TokenizerConfiguration configuration) =>
        LlamaConverter.Convert(SentencePieceModel.Read(file), configuration);
}
