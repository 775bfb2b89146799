namespace Lorikeet.Models.Rewards;

/// <summary>Says how good answers are: what a model learns to get more of.</summary>
/// <example>
/// <code>
/// var brief = Reward.Of("brief", answer => answer.Text.Length &lt;= 20 ? 1 : 0);
/// </code>
/// </example>
public sealed class Reward
{
    private readonly Func<IReadOnlyList<Completion>, CancellationToken, IReadOnlyList<double>> _score;

    internal Reward(
        string name, Func<IReadOnlyList<Completion>, CancellationToken, IReadOnlyList<double>> score,
        bool needsAnswers = false)
    {
        if (string.IsNullOrWhiteSpace(name))
            throw new ArgumentException("A reward has a name, by which metrics call it.", nameof(name));
        (Name, _score, NeedsAnswers) = (name, score, needsAnswers);
    }

    /// <summary>What metrics and weights call it.</summary>
    public string Name { get; }

    /// <summary>Whether it compares with known answers, so that every row of the data needs one.</summary>
    public bool NeedsAnswers { get; }

    /// <summary>A reward that looks at one answer at a time.</summary>
    /// <param name="name">What metrics call it.</param>
    /// <param name="score">
    /// Any finite number, more for better; NaN where it has nothing to say of an answer. It is called on the thread
    /// that trains, one answer after the other.
    /// </param>
    /// <param name="needsAnswers">See <see cref="NeedsAnswers"/>.</param>
    public static Reward Of(string name, Func<Completion, double> score, bool needsAnswers = false)
    {
        ArgumentNullException.ThrowIfNull(score);
        return new(name, (answers, _) => [.. answers.Select(score)], needsAnswers);
    }

    /// <summary>A reward that looks at all answers of a step at once, as one that asks elsewhere does.</summary>
    /// <param name="name">What metrics call it.</param>
    /// <param name="score">A number for each answer, in their order; see <see cref="Of"/>.</param>
    /// <param name="needsAnswers">See <see cref="NeedsAnswers"/>.</param>
    public static Reward OfAll(
        string name, Func<IReadOnlyList<Completion>, CancellationToken, IReadOnlyList<double>> score,
        bool needsAnswers = false)
    {
        ArgumentNullException.ThrowIfNull(score);
        return new(name, score, needsAnswers);
    }

    /// <summary>A reward by its name.</summary>
    /// <param name="text">
    /// <c>exact_match</c>, <c>f1</c>, <c>rougeL</c>, <c>regex:PATTERN</c>, <c>json_schema:FILE</c> (or the schema
    /// itself), <c>length:N</c> or <c>length:N-M</c>.
    /// </param>
    /// <exception cref="ConfigurationException">There is none of that name, or what follows it is wrong.</exception>
    public static Reward Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return BuiltInRewards.Find(text) ?? throw new ConfigurationException(
            $"'reward_funcs' holds '{text}'. Expected {BuiltInRewards.Known}.");
    }

    /// <summary>The rewards of answers, in their order; NaN where it has nothing to say.</summary>
    /// <param name="answers">The answers.</param>
    /// <param name="cancellation">Ends the scoring.</param>
    /// <exception cref="LorikeetException">It failed, or gave something that is no reward.</exception>
    public IReadOnlyList<double> Score(
        IReadOnlyList<Completion> answers, CancellationToken cancellation = default)
    {
        var scores = _score(answers, cancellation);
        if (scores.Count != answers.Count)
            throw new LorikeetException(
                $"The reward '{Name}' gave {scores.Count} numbers for {answers.Count} answers. One for each was "
                + "expected, in their order.");
        for (var i = 0; i < scores.Count; i++)
            if (double.IsInfinity(scores[i]))
                throw new LorikeetException(
                    $"The reward '{Name}' is {scores[i]} for the answer '{Start(answers[i].Text)}' to "
                    + $"'{Start(answers[i].Question)}'. A finite number was expected, or NaN where it has nothing to "
                    + "say.");
        return scores;
    }

    private static string Start(string text) => text.Length <= 60 ? text : text[..60] + "…";
}
