using System.Text;
using Lorikeet.Documents.Passages;
using Lorikeet.Documents.Reading;
using Lorikeet.Formats;
using Lorikeet.Formats.Options;
using Microsoft.Extensions.AI;

namespace Lorikeet.Documents.Questions;

/// <summary>
/// Makes rows of questions and answers from documents: a chat client writes them, and what it writes is checked against
/// the passages. A run that was ended goes on where it was when it is started again.
/// </summary>
/// <param name="client">Who writes; it stays the caller's to dispose.</param>
/// <param name="options">How; null for the defaults.</param>
public sealed class QuestionWriter(IChatClient client, QuestionWriterOptions? options = null)
{
    private readonly QuestionWriterOptions _options = options ?? new QuestionWriterOptions();

    /// <summary>Makes rows of all documents below a folder, or of one.</summary>
    /// <param name="from">A folder or a file; hidden files and those of other endings are passed over.</param>
    /// <param name="output">The file of rows to write, in JSON lines; beside it come held-out rows, rejects, a receipt
    /// and the journal from which a run goes on.</param>
    /// <param name="progress">Is told how far it is; null for nobody.</param>
    /// <param name="cancellation">Ends it after what is answered is written down; the next run goes on.</param>
    /// <exception cref="ConfigurationException">There are no documents, or the output has another origin.</exception>
    /// <exception cref="DatasetException">No document has anything to ask about.</exception>
    /// <exception cref="StorageException">A file cannot be written.</exception>
    /// <exception cref="LorikeetException">The client fails again and again.</exception>
    public async Task<QuestionReceipt> WriteAsync(
        string from, string output, IProgress<QuestionProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        var sources = DocumentFolder.Find(from);
        var files = QuestionFiles.Of(output);
        using var journal = Journal.Open(files.Journal);
        var prompt = new QuestionPrompt(_options);
        using var writer = new PassageWriter(client, _options, prompt);
        var queue = new PassageQueue(sources, _options, prompt.Fingerprint, progress);
        var failures = new FailureCount(_options.MaxFailures, files.Journal);
        var earlier = 0;

        await Parallel.ForEachAsync(
            queue.Passages(),
            new ParallelOptions { MaxDegreeOfParallelism = _options.Concurrency, CancellationToken = cancellation },
            async (item, stop) =>
            {
                if (journal.Find(item.Key) is not null)
                    Interlocked.Increment(ref earlier);
                else
                    await Write(item, writer, journal, failures, stop).ConfigureAwait(false);
                queue.Report();
            }).ConfigureAwait(false);
        return Finish(files, queue, journal, failures, earlier);
    }

    private static async Task Write(
        QueuedPassage item, PassageWriter writer, Journal journal, FailureCount failures, CancellationToken stop)
    {
        try
        {
            journal.Add(item.Key, await writer.Write(item.Passage, stop).ConfigureAwait(false));
            failures.Succeed();
        }
        catch (WriterException fault)
        {
            failures.Fail(fault);
        }
    }

    private QuestionReceipt Finish(
        QuestionFiles files, PassageQueue queue, Journal journal, FailureCount failures, int earlier)
    {
        if (queue.Items.Count == 0)
        {
            throw new DatasetException(
                $"No document has anything to ask about; {queue.Unreadable.Count} could not be read" +
                (queue.Unreadable.Count > 0 ? $". The first: {queue.Unreadable[0].Reason}" : "."));
        }

        var rows = new RowCollection(_options);
        long read = 0, written = 0;
        foreach (var item in queue.Items)
        {
            if (journal.Find(item.Key) is not { } entry)
                continue;
            rows.Add(item.Passage, item.Key, entry);
            read += entry.InputTokens;
            written += entry.OutputTokens;
        }

        var (train, heldOut, unit) = rows.Divide();
        var receipt = new QuestionReceipt
        {
            Output = files.Output,
            HeldOutFile = heldOut.Count > 0 ? files.HeldOut : null,
            RejectsFile = rows.Rejects.Count > 0 ? files.Rejects : null,
            Documents = queue.Documents,
            Unreadable = queue.Unreadable,
            Passages = queue.Items.Count - failures.Count,
            FromEarlierRuns = earlier,
            RepeatedPassages = queue.Repeated,
            Failed = failures.Count,
            LastFailure = failures.Last,
            Written = rows.Written,
            Train = train.Count,
            HeldOut = heldOut.Count,
            SplitBy = unit,
            Rejected = rows.Rejected,
            InputTokens = read,
            OutputTokens = written,
        };
        files.Write(train, heldOut, rows.Rejects, receipt);
        return receipt;
    }
}
