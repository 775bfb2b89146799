namespace Lorikeet.Cli.Tests.Distributed;

/// <summary>
/// Tests of several ranks share the run of one process, and do not take the processors from each other.
/// </summary>
[CollectionDefinition(Name)]
public sealed class RankRunsCollection : ICollectionFixture<RankRuns>
{
    public const string Name = "Runs of several ranks";
}
