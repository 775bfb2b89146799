using Lorikeet.Models.Generation;

namespace Lorikeet.Tests.Generation;

public sealed class PositionsCheckTests
{
    [Fact]
    public void RowsBeyondThePositions_AreCounted()
    {
        Assert.Null(PositionsCheck.Warning([512, 3], 512, "rows"));
        Assert.Null(PositionsCheck.Warning([], 512, "rows"));
        var warning = PositionsCheck.Warning([513, 3, 607], 512, "prompts")!;
        Assert.Contains("2 of 3 prompts are longer than the 512 positions", warning);
        Assert.Contains("the longest has 607 tokens", warning);
    }
}
