using Lorikeet.Formats;
using Lorikeet.Text.Tokenization.Models;
using Lorikeet.Text.Tokenization.Normalizers;

namespace Lorikeet.Text.Tokenization.SentencePiece;

/// <summary>What a piece of a SentencePiece vocabulary is for (<c>ModelProto.SentencePiece.Type</c>).</summary>
public enum PieceKind
{
    /// <summary>A stretch of text.</summary>
    Normal = 1,

    /// <summary>What stands for text without a piece.</summary>
    Unknown = 2,

    /// <summary>A mark that text does not contain: begin, end, padding.</summary>
    Control = 3,

    /// <summary>Text that is always one piece.</summary>
    UserDefined = 4,

    /// <summary>In the vocabulary, and never produced.</summary>
    Unused = 5,

    /// <summary>A byte of text without a piece, <c>&lt;0x41&gt;</c>.</summary>
    Byte = 6,
}

/// <summary>A piece of a SentencePiece vocabulary; its id is its position.</summary>
/// <param name="Text">The text, with U+2581 for a space.</param>
/// <param name="Score">The logarithm of its probability, or the negative rank of its merge.</param>
/// <param name="Kind">What it is for.</param>
public readonly record struct SentencePiece(string Text, float Score, PieceKind Kind);

/// <summary>The algorithm of a SentencePiece model (<c>TrainerSpec.ModelType</c>).</summary>
internal enum SentencePieceAlgorithm
{
    Unigram = 1,
    Bpe = 2,
    Word = 3,
    Char = 4,
}

/// <summary>The content of a <c>tokenizer.model</c>: <c>ModelProto</c> of sentencepiece_model.proto.</summary>
public sealed record SentencePieceModel
{
    private SentencePieceModel() { }

    /// <summary>The pieces, in the order of their ids.</summary>
    public IReadOnlyList<SentencePiece> Pieces { get; private init; } = [];

    internal SentencePieceAlgorithm Algorithm { get; private init; } = SentencePieceAlgorithm.Unigram;

    /// <summary>Whether characters without a piece are spelled with byte pieces.</summary>
    internal bool FallsBackToBytes { get; private init; }

    /// <summary>Whether the mark of a space stands at the end of a word instead of its beginning.</summary>
    internal bool MarksSpaceAsSuffix { get; private init; }

    /// <summary>What an unknown piece decodes to.</summary>
    internal string UnknownSurface { get; private init; } = " \u2047 ";

    /// <summary>The compiled normalization rules, if there are any.</summary>
    internal CharacterMap? Rules { get; private init; }

    /// <summary>Whether a space is put before the text.</summary>
    internal bool AddsDummyPrefix { get; private init; } = true;

    /// <summary>Whether spaces at the ends are removed and runs of them become one.</summary>
    internal bool RemovesExtraSpaces { get; private init; } = true;

    /// <summary>Whether spaces are written as U+2581.</summary>
    internal bool EscapesSpaces { get; private init; } = true;

    /// <summary>Reads a file.</summary>
    /// <param name="file">A <c>tokenizer.model</c>.</param>
    /// <exception cref="CheckpointException">The file is not a SentencePiece model.</exception>
    public static SentencePieceModel Read(string file)
    {
        try
        {
            var model = Parse(WholeFile.ReadBytes(file));
            CheckPieces(model.Pieces);
            return model.Pieces.Any(piece => piece.Kind == PieceKind.Normal)
                && model.Pieces.Any(piece => piece.Kind == PieceKind.Unknown)
                ? model
                : throw new InvalidDataException("It has no normal or no unknown piece.");
        }
        catch (Exception error) when (error is InvalidDataException or IOException
            or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                $"The file is not a SentencePiece model: {error.Message} Expected a vocabulary as spm_train writes "
                + $"it. '{file}'. It may be an interrupted download or a Git LFS pointer; fetch it again.",
                error);
        }
    }

    /// <summary>
    /// The merges of a byte-pair vocabulary as transformers ranks them, best first: every way to cut a piece into two
    /// pieces is one, in the order of the pieces.
    /// </summary>
    public IReadOnlyList<(string Left, string Right)> Merges() =>
        [.. PieceMerges.ByPlace(this, ToVocabulary()).Select(merge => (merge.Left, merge.Right))];

    // As SentencePiece has it, a text stands for one piece that is looked for, and for one that is not.
    private static void CheckPieces(IReadOnlyList<SentencePiece> pieces)
    {
        var seen = new HashSet<(string, bool)>();
        foreach (var piece in pieces)
        {
            if (piece.Text.Length > ReadingLimits.TokenLength)
                throw new InvalidDataException(
                    $"A piece has {piece.Text.Length} characters, more than {ReadingLimits.TokenLength}.");
            var isReserved = piece.Kind is PieceKind.Unknown or PieceKind.Control or PieceKind.Byte;
            if (!seen.Add((piece.Text, isReserved)))
                throw new InvalidDataException($"The piece '{piece.Text}' is there twice.");
        }
    }

    /// <summary>All pieces by text and id.</summary>
    internal Vocabulary ToVocabulary()
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var id = 0; id < Pieces.Count; id++)
            ids[Pieces[id].Text] = id;
        return new Vocabulary(ids);
    }

    private static SentencePieceModel Parse(ReadOnlySpan<byte> message)
    {
        var model = new SentencePieceModel();
        var pieces = new List<SentencePiece>();
        var reader = new ProtobufReader(message);
        while (reader.Read())
        {
            if (reader.Field == 1)
                pieces.Add(ParsePiece(reader.Bytes));
            else if (reader.Field == 2)
                model = ParseTrainer(model, reader.Bytes);
            else if (reader.Field == 3)
                model = ParseNormalizer(model, reader.Bytes);
        }
        return model with { Pieces = pieces };
    }

    private static SentencePiece ParsePiece(ReadOnlySpan<byte> message)
    {
        var piece = new SentencePiece("", 0, PieceKind.Normal);
        var reader = new ProtobufReader(message);
        while (reader.Read())
        {
            piece = reader.Field switch
            {
                1 => piece with { Text = reader.Text },
                2 => piece with { Score = reader.Single },
                3 => piece with { Kind = (PieceKind)reader.Number },
                _ => piece,
            };
        }
        return piece;
    }

    private static SentencePieceModel ParseTrainer(SentencePieceModel model, ReadOnlySpan<byte> message)
    {
        var reader = new ProtobufReader(message);
        while (reader.Read())
        {
            model = reader.Field switch
            {
                3 => model with { Algorithm = (SentencePieceAlgorithm)reader.Number },
                24 => model with { MarksSpaceAsSuffix = reader.Flag },
                35 => model with { FallsBackToBytes = reader.Flag },
                44 => model with { UnknownSurface = reader.Text },
                _ => model,
            };
        }
        return model;
    }

    private static SentencePieceModel ParseNormalizer(SentencePieceModel model, ReadOnlySpan<byte> message)
    {
        var reader = new ProtobufReader(message);
        while (reader.Read())
        {
            model = reader.Field switch
            {
                2 when reader.Bytes.Length > 0 => model with { Rules = new CharacterMap(reader.Bytes) },
                3 => model with { AddsDummyPrefix = reader.Flag },
                4 => model with { RemovesExtraSpaces = reader.Flag },
                5 => model with { EscapesSpaces = reader.Flag },
                _ => model,
            };
        }
        return model;
    }
}
