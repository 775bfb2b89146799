using Lorikeet.Models.Decoder;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Models.Generation;

/// <summary>What prompts and options must be before anything is decoded.</summary>
internal static class RequestCheck
{
    /// <summary>Refuses an adapter that was disposed or is on another model.</summary>
    public static void RequireAdapter(ModelAdapter? adapter, DecoderModel model)
    {
        if (adapter is null)
            return;
        ObjectDisposedException.ThrowIf(adapter.IsDisposed, adapter);
        if (!ReferenceEquals(adapter.Model, model))
            throw new ArgumentException("The adapter is on another model. Load it on the engine's.", nameof(adapter));
    }

    /// <summary>
    /// The options of a request, complete: how many tokens may be added, and what ends them.
    /// </summary>
    /// <param name="request">Its prompt is checked already.</param>
    /// <param name="tokenizer">The model's; null for none.</param>
    /// <param name="vocabulary">Ids of the model.</param>
    /// <param name="maxLength">Most tokens of prompt and answer.</param>
    /// <exception cref="ConfigurationException">
    /// Something is out of range, or there is no room for an answer.
    /// </exception>
    public static GenerationOptions Prepare(
        DecodingRequest request, Tokenizer? tokenizer, int vocabulary, int maxLength)
    {
        var options = request.Options;
        options.Validate();
        if (options.Beams > 1)
            throw new ConfigurationException(
                $"num_beams is {options.Beams}. Requests are decoded together token by token, and the best beam is " +
                "known at the end: use num_beams 1.");
        if (request.TopLogProbabilities is { } top && (top < 0 || top > vocabulary))
            throw new ConfigurationException(
                $"{top} log-probabilities of a token are asked for. Expected 0 to {vocabulary}, the vocabulary.");
        RequireIds(options, vocabulary);
        RequireIds("logit_bias", request.LogitBias?.Keys ?? [], vocabulary);
        if (request.IgnoreEnd)
            options = options with { EndTokens = [] };
        return WithStops(options, tokenizer, vocabulary) with
        {
            MaxNewTokens = request.ScoresOnly
                ? RequireRead(request.Prompt.Count, maxLength)
                : NewTokens(options, request.Prompt.Count, maxLength),
            MaxLength = null,
        };
    }

    /// <summary>Nothing is added to a prompt that is only read; it must fit.</summary>
    private static int RequireRead(int promptLength, int maxLength) =>
        promptLength <= maxLength ? 0 : throw new ContextLengthException(
            $"The prompt has {promptLength} tokens, and {maxLength} fit (max_model_len). Shorten the prompt.",
            promptLength, 0, maxLength);

    private static int NewTokens(GenerationOptions options, int promptLength, int maxLength)
    {
        var wanted = options.NewTokensAfter(promptLength);
        var room = maxLength - promptLength;
        if (wanted == 0)
            throw new ContextLengthException(
                $"max_length is {options.MaxLength}, and the prompt has {promptLength} tokens, so nothing can be " +
                "added to it. A larger max_length was expected: it counts prompt and answer together.", promptLength, 0,
                options.MaxLength!.Value);
        var isGiven = (options.MaxNewTokens ?? options.MaxLength) is not null;
        if (room < 1 || (isGiven && wanted > room))
            throw new ContextLengthException(
                $"The prompt has {promptLength} tokens and {wanted} are to be added, and {maxLength} fit "
                + "(max_model_len). Shorten the prompt, or ask for fewer with max_new_tokens.",
                promptLength, wanted, maxLength);
        return Math.Min(wanted, room);
    }

    /// <summary>Refuses options that name a token which the model does not have.</summary>
    /// <exception cref="ConfigurationException">They do.</exception>
    public static void RequireIds(GenerationOptions options, int vocabulary)
    {
        RequireIds("eos_token_id (stop_token_ids)", options.EndTokens, vocabulary);
        RequireIds("suppress_tokens", options.SuppressedTokens, vocabulary);
        RequireIds("logit_bias", options.BiasOfIds()?.Keys ?? (IEnumerable<int>)[], vocabulary);
        RequireIds("bad_words_ids", options.BadWords.SelectMany(word => word), vocabulary);
    }

    private static void RequireIds(string option, IEnumerable<int> ids, int vocabulary)
    {
        foreach (var id in ids)
            if (id < 0 || id >= vocabulary)
                throw new ConfigurationException(
                    $"{option} names token {id}. The model's vocabulary has {vocabulary} ids, 0 to {vocabulary - 1}.");
    }

    /// <summary>Refuses a prompt without tokens, or with one that the model does not know.</summary>
    /// <exception cref="DatasetException">The prompt is such.</exception>
    public static void RequirePrompt(IReadOnlyList<int> prompt, int vocabulary)
    {
        if (prompt.Count == 0)
            throw new DatasetException(
                "A prompt has no tokens. At least one was expected. Remove the row, or give it a BOS token.");
        foreach (var id in prompt)
            if (id < 0 || id >= vocabulary)
                throw new DatasetException(
                    $"A prompt holds token id {id}. The model's vocabulary has {vocabulary} ids. "
                    + "Is the tokenizer that of another model?");
    }

    /// <summary>
    /// Options whose stop strings are text only: special tokens are not part of the decoded text, so a stop string that
    /// is one ends the text as an end token. One that the model does not have never comes.
    /// </summary>
    /// <exception cref="ConfigurationException">There are stop strings, but no tokenizer.</exception>
    public static GenerationOptions WithStops(GenerationOptions options, Tokenizer? tokenizer, int vocabulary)
    {
        if (options.StopStrings.Count == 0)
            return options;
        if (tokenizer is null)
            throw new ConfigurationException(
                "stop_strings need a tokenizer, and the model folder has none. Use eos_token_id instead.");
        var special = options.StopStrings.Where(stop => tokenizer.TokenToId(stop) is { } id && tokenizer.IsSpecial(id))
            .ToList();
        return options with
        {
            EndTokens =
            [
                .. options.EndTokens,
                .. special.Select(stop => tokenizer.TokenToId(stop)!.Value).Where(id => id < vocabulary),
            ],
            StopStrings = [.. options.StopStrings.Except(special)],
        };
    }
}
