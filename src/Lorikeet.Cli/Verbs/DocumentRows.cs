using Lorikeet.Cli.Inference;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Documents.Questions;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Checkpoints;

namespace Lorikeet.Cli.Verbs;

/// <summary>What <c>data make</c> does: rows of questions and answers from documents.</summary>
internal static class DocumentRows
{
    /// <summary>Makes them; the result is the exit code.</summary>
    public static int Make(Invocation call, DataVerbOptions options, bool guidedIsSet, bool isJson)
    {
        var terminal = call.Terminal;
        if (options.Writer.From.Length == 0)
            throw new ConfigurationException("No documents are named. Name a folder or a file with 'from'.");
        using var writer = RowWriterClient.Open(
            options.Writer, options.Quantization, options.Questions.RequestSeconds, terminal);
        var tokenizer = options.View.Model is { } model
            ? ModelFolder.Open(ModelSource.Resolve(model, options.View.Revision)).Tokenizer
            : null;
        var asked = options.Questions with
        {
            Documents = options.Documents,
            Passages = options.Passages with
            {
                CountTokens = tokenizer is null
                    ? null
                    : text => tokenizer.Encode(text, addSpecialTokens: false).Length,
            },
            Guided = guidedIsSet ? options.Questions.Guided : writer.IsLocal,
            HeldOut = options.Data.HeldOut,
            Seed = options.View.Seed,
            Chat = writer.Chat,
        };
        call.Interruption.FinishFirst(
            "Ending. What was answered is kept, and the same command goes on. Press Ctrl+C again to end at once.");
        var receipt = new QuestionWriter(writer.Client, asked).WriteAsync(
            options.Writer.From, options.View.Output, new Talk(terminal), call.Interruption.Token)
            .GetAwaiter().GetResult();
        Report(terminal, receipt, isJson);
        return receipt.Failed > 0 ? ExitCodes.Failed : 0;
    }

    private static void Report(Terminal terminal, QuestionReceipt receipt, bool isJson)
    {
        if (isJson)
        {
            terminal.Out.WriteLine(JsonText.Line(receipt.ToJson()));
            return;
        }

        terminal.Out.WriteLine(
            $"{receipt.Train:N0} rows in {receipt.Output}"
            + (receipt.HeldOutFile is { } file ? $", {receipt.HeldOut:N0} held out in {file}" : "")
            + $", of {receipt.Passages:N0} passages in {receipt.Documents:N0} documents; "
            + "every quote stands in its passage.");
        var rejected = receipt.Rejected.Where(pair => pair.Value > 0).OrderByDescending(pair => pair.Value).ToList();
        if (rejected.Count > 0)
        {
            terminal.Error.WriteLine(
                $"{rejected.Sum(pair => pair.Value):N0} of {receipt.Written:N0} were not kept, in "
                + $"{receipt.RejectsFile}: "
                + string.Join(", ", rejected.Select(pair => $"{pair.Value:N0} {WireNames.Of(pair.Key)}")) + ".");
        }

        if (receipt.RepeatedPassages > 0)
        {
            terminal.Error.WriteLine(
                $"{receipt.RepeatedPassages:N0} passages repeat others, and were asked about once.");
        }

        if (receipt.Unreadable.Count > 0)
            terminal.Error.WriteLine($"{receipt.Unreadable.Count:N0} documents could not be read, as said above.");
        if (receipt.Failed > 0)
        {
            terminal.Error.WriteLine(
                $"{receipt.Failed:N0} passages got no answer ({receipt.LastFailure}); the same command asks about them "
                + "again.");
        }
    }

    /// <summary>Says now and then how far it is, and at once what is left out.</summary>
    private sealed class Talk(Terminal terminal) : IProgress<QuestionProgress>
    {
        private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(5);

        private readonly Lock _lock = new();
        private long _last = TimeProvider.System.GetTimestamp();

        public void Report(QuestionProgress value)
        {
            lock (_lock)
            {
                if (value.LeftOut is { } left)
                {
                    terminal.Error.WriteLine($"Left out: {left.Reason}");
                    return;
                }

                if (TimeProvider.System.GetElapsedTime(_last) < s_pause)
                    return;
                _last = TimeProvider.System.GetTimestamp();
                terminal.Error.WriteLine(
                    $"document {value.Document:N0} of {value.Documents:N0}, {value.Passages:N0} passages done");
            }
        }
    }
}
