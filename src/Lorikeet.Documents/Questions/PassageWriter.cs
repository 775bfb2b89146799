using System.Threading.RateLimiting;
using Lorikeet.Documents.Passages;
using Lorikeet.Formats;
using Microsoft.Extensions.AI;

namespace Lorikeet.Documents.Questions;

/// <summary>Asks a chat client about one passage after another, no faster than it may, again where it must.</summary>
internal sealed class PassageWriter : IDisposable
{
    private const int LongestFault = 300;

    private readonly IChatClient _client;
    private readonly QuestionWriterOptions _options;
    private readonly QuestionPrompt _prompt;
    private readonly TokenBucketRateLimiter? _pace;

    public PassageWriter(IChatClient client, QuestionWriterOptions options, QuestionPrompt prompt)
    {
        (_client, _options, _prompt) = (client, options, prompt);
        if (options.RequestsPerMinute is { } most)
        {
            _pace = new TokenBucketRateLimiter(new()
            {
                TokenLimit = 1,
                TokensPerPeriod = 1,
                ReplenishmentPeriod = TimeSpan.FromMinutes(1) / most,
                QueueLimit = int.MaxValue,
                QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
            });
        }
    }

    public void Dispose() => _pace?.Dispose();

    /// <summary>What is answered about a passage.</summary>
    /// <exception cref="WriterException">The client fails, and another try would not help.</exception>
    public async Task<JournalEntry> Write(Passage passage, CancellationToken cancellation)
    {
        var messages = _prompt.Messages(passage);
        long read = 0, written = 0;
        for (var left = _options.Retries; ; left--)
        {
            var response = await Ask(messages, _prompt.Options(passage), cancellation).ConfigureAwait(false);
            read += response.Usage?.InputTokenCount ?? 0;
            written += response.Usage?.OutputTokenCount ?? 0;
            var rows = AnswerText.Read(response.Text, out var fault);
            var complaint = fault ?? Complaint(rows, passage);
            if (complaint is null || left == 0)
                return new JournalEntry(rows, fault, read, written);
            messages =
            [
                .. _prompt.Messages(passage), new(ChatRole.Assistant, response.Text), new(ChatRole.User, complaint),
            ];
        }
    }

    /// <summary>What to say to a writer of whose quotes none stands in the passage.</summary>
    private static string? Complaint(IReadOnlyList<ProposedRow> rows, Passage passage) =>
        rows.Count == 0 || rows.Any(row => QuoteMatch.Find(passage.Text, row.Quote) is not null) ? null
        : "None of these quotes stands in the passage. Copy them letter by letter, and answer in JSON again.";

    private async Task<ChatResponse> Ask(
        List<ChatMessage> messages, ChatOptions options, CancellationToken cancellation)
    {
        for (var left = _options.Retries; ; left--)
        {
            using var lease = _pace is null ? null : await _pace.AcquireAsync(1, cancellation).ConfigureAwait(false);
            using var clock = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            clock.CancelAfter(TimeSpan.FromSeconds(_options.RequestSeconds));
            try
            {
                return await _client.GetResponseAsync(messages, options, clock.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException fault) when (!cancellation.IsCancellationRequested)
            {
                if (left == 0)
                    throw new WriterException($"no answer within {_options.RequestSeconds} s", fault);
            }
            catch (Exception fault) when (fault is HttpRequestException or IOException or TimeoutException)
            {
                if (left == 0)
                    throw new WriterException(fault.Message, fault);
            }
            catch (Exception fault) when (fault is not (OperationCanceledException or ConfigurationException))
            {
                // Clients throw what they like; what is worth another try they try again themselves.
                throw new WriterException(VisibleText.InOneLine(Reason(fault), LongestFault), fault);
            }
        }
    }

    // A client that tried several times says the same as often.
    private static string Reason(Exception fault) => fault is AggregateException { InnerExceptions: var tries }
        ? $"{string.Join("; ", tries.Select(one => one.Message.TrimEnd('.')).Distinct())} ({tries.Count} tries)."
        : fault.Message;
}

/// <summary>The writer could not be asked about a passage.</summary>
internal sealed class WriterException(string message, Exception fault) : LorikeetException(message, fault);
