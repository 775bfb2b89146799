using System.Text;
using System.Text.Json;
using Lorikeet.Formats;
using Lorikeet.Formats.Json;

namespace Lorikeet.Documents.Questions;

/// <summary>
/// What was answered so far, a line for each passage, written as it comes: a run that was ended goes on from there, and
/// one over more documents asks only about what is new. While it is open nobody else writes there.
/// </summary>
internal sealed class Journal : IDisposable
{
    private readonly Lock _lock = new();
    private readonly FileStream _stream;
    private readonly Dictionary<string, JournalEntry> _entries = new(StringComparer.Ordinal);

    private Journal(FileStream stream) => _stream = stream;

    /// <summary>Opens a journal, and reads what is there.</summary>
    /// <exception cref="StorageException">It cannot be opened, or another run writes there.</exception>
    public static Journal Open(string path)
    {
        var stream = StorageFault.Writing(path, () =>
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        });
        var journal = new Journal(stream);
        journal.Read();
        return journal;
    }

    /// <summary>What was answered about a passage; null if nobody was asked.</summary>
    public JournalEntry? Find(string key)
    {
        lock (_lock)
            return _entries.GetValueOrDefault(key);
    }

    /// <summary>Writes an answer down.</summary>
    public void Add(string key, JournalEntry entry)
    {
        var line = JsonSerializer.SerializeToUtf8Bytes(new JournalLine(key, entry), JsonFormats.Line);
        lock (_lock)
        {
            _stream.Write([.. line, (byte)'\n']);
            _stream.Flush();
            _entries[key] = entry;
        }
    }

    public void Dispose() => _stream.Dispose();

    private void Read()
    {
        using var reader = new StreamReader(_stream, Encoding.UTF8, leaveOpen: true);
        long whole = 0;
        while (reader.ReadLine() is { } line)
        {
            var end = whole + Encoding.UTF8.GetByteCount(line) + 1;
            if (end > _stream.Length || Parse(line) is not { } parsed)
                break; // the line that a killed run was writing
            _entries[parsed.Key] = parsed.Entry;
            whole = end;
        }

        _stream.SetLength(whole);
        _stream.Seek(0, SeekOrigin.End);
    }

    private static JournalLine? Parse(string line)
    {
        try
        {
            var read = JsonSerializer.Deserialize<JournalLine>(line, JsonFormats.Line);
            return read is { Key: not null, Entry.Rows: not null } ? read : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private sealed record JournalLine(string Key, JournalEntry Entry);
}

/// <summary>What was answered about a passage.</summary>
/// <param name="Rows">The rows that were written.</param>
/// <param name="Fault">Why there are none that could be read; null where there are.</param>
/// <param name="InputTokens">Tokens that were read, where the writer says so.</param>
/// <param name="OutputTokens">Tokens that were written, where the writer says so.</param>
internal sealed record JournalEntry(
    IReadOnlyList<ProposedRow> Rows, string? Fault, long InputTokens, long OutputTokens);
