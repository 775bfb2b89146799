using System.Text;
using Lorikeet.Documents.Passages;
using Lorikeet.Documents.Reading;
using Lorikeet.Formats;

namespace Lorikeet.Documents.Questions;

/// <summary>The passages of documents, which are read one at a time, as their turn comes.</summary>
internal sealed class PassageQueue(
    IReadOnlyList<(string Path, string Name)> sources, QuestionWriterOptions options, string fingerprint,
    IProgress<QuestionProgress>? progress)
{
    private readonly HashSet<string> _texts = new(StringComparer.Ordinal);
    private readonly List<LeftOutDocument> _unreadable = [];
    private readonly List<QueuedPassage> _items = [];
    private int _begun;
    private int _done;

    /// <summary>Documents that were read.</summary>
    public int Documents { get; private set; }

    /// <summary>Those that could not be.</summary>
    public IReadOnlyList<LeftOutDocument> Unreadable => _unreadable;

    /// <summary>The passages that were given out, in order.</summary>
    public IReadOnlyList<QueuedPassage> Items => _items;

    /// <summary>Passages that were not, as their text had been.</summary>
    public int Repeated { get; private set; }

    public IEnumerable<QueuedPassage> Passages()
    {
        foreach (var (path, name) in sources)
        {
            Volatile.Write(ref _begun, _begun + 1);
            if (Read(path, name) is not { } document)
                continue;
            Documents++;
            foreach (var passage in Passage.Cut(document, options.Passages))
            {
                if (!_texts.Add(KeyOf(RowCheck.Key(passage.Text))))
                {
                    Repeated++;
                    continue;
                }

                var item = new QueuedPassage(
                    passage, KeyOf($"{fingerprint}\n{string.Join('\n', passage.Headings)}\n\n{passage.Text}"));
                _items.Add(item);
                yield return item;
            }
        }
    }

    /// <summary>Says that a passage is done.</summary>
    public void Report() => progress?.Report(
        new QuestionProgress(Volatile.Read(ref _begun), sources.Count, Interlocked.Increment(ref _done)));

    private Document? Read(string path, string name)
    {
        try
        {
            return Document.Read(path, options.Documents, name);
        }
        catch (LorikeetException fault)
        {
            var left = new LeftOutDocument(name, fault.Message);
            _unreadable.Add(left);
            progress?.Report(new QuestionProgress(_begun, sources.Count, Volatile.Read(ref _done), left));
            return null;
        }
    }

    private static string KeyOf(string text) => Checksum.Of(Encoding.UTF8.GetBytes(text), Stream.Null);
}

/// <summary>A passage to ask about.</summary>
/// <param name="Passage">The passage.</param>
/// <param name="Key">Of its text and all else that an answer depends on.</param>
internal sealed record QueuedPassage(Passage Passage, string Key);
