namespace Lorikeet.Training.Planning;

/// <summary>What each of several ranks takes of a run.</summary>
/// <param name="Ranks">All of them.</param>
/// <param name="Context">Ranks that share each batch (context_parallel_size).</param>
/// <param name="ZeroStage">What is divided of what is trained (zero_stage).</param>
internal sealed record RankDivision(int Ranks, int Context, int ZeroStage)
{
    /// <summary>One process takes all.</summary>
    public static RankDivision One { get; } = new(1, 1, 0);

    /// <summary>What the options say of so many ranks.</summary>
    public static RankDivision Of(DistributedOptions options, int ranks) =>
        new(ranks, ranks / options.GroupsOf(ranks), options.ZeroStage);
}
