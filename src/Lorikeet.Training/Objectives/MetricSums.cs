namespace Lorikeet.Training.Objectives;

/// <summary>Means of named numbers, which ranks can add up.</summary>
/// <param name="names">All names there may be.</param>
internal sealed class MetricSums(IReadOnlyList<string> names)
{
    public const string ChosenRewards = "rewards/chosen";
    public const string RejectedRewards = "rewards/rejected";
    public const string Accuracies = "rewards/accuracies";
    public const string Margins = "rewards/margins";
    public const string ChosenLogProbabilities = "logps/chosen";
    public const string RejectedLogProbabilities = "logps/rejected";

    /// <summary>Sum and count of each name.</summary>
    public double[] Values { get; } = new double[2 * names.Count];

    /// <summary>Adds one number.</summary>
    public void Add(string name, double value)
    {
        for (var i = 0; i < names.Count; i++)
        {
            if (names[i] != name)
                continue;
            Values[2 * i] += value;
            Values[2 * i + 1]++;
        }
    }

    /// <summary>
    /// Adds an answer: its reward, which is β times the logarithm of how much more likely it has become, and its
    /// log-probability.
    /// </summary>
    public void AddAnswer(bool isWanted, double reward, double logProbability)
    {
        Add(isWanted ? ChosenRewards : RejectedRewards, reward);
        Add(isWanted ? ChosenLogProbabilities : RejectedLogProbabilities, logProbability);
    }

    /// <summary>Adds a pair: whether the chosen answer has the larger reward; of two equal ones it half has.</summary>
    public void AddPair(double chosen, double rejected) =>
        Add(Accuracies, chosen > rejected ? 1 : chosen < rejected ? 0 : 0.5);

    /// <summary>The means of what was added, and the margin between the mean rewards.</summary>
    public IReadOnlyDictionary<string, double> Means()
    {
        var means = new Dictionary<string, double>();
        for (var i = 0; i < names.Count; i++)
        {
            if (Values[2 * i + 1] > 0)
                means[names[i]] = Values[2 * i] / Values[2 * i + 1];
        }

        if (means.TryGetValue(ChosenRewards, out var chosen) && means.TryGetValue(RejectedRewards, out var rejected))
            means[Margins] = chosen - rejected;
        return means;
    }
}
