using Lorikeet.Models.Lora;

namespace Lorikeet.Tests.Lora;

public sealed class TargetMatchingTests
{
    private const string Module = "model.layers.12.self_attn.q_proj";

    [Theory]
    [InlineData(@".*\.(?P<m>q|v)_proj", true)]
    [InlineData(@"model\.layers\.\d{,2}\.self_attn\.q_proj", true)]
    [InlineData(@"model\.layers\.\d{,1}\.self_attn\.q_proj", false)]
    [InlineData(@"model\.layers\.\d++\..*q_proj", true)]
    [InlineData(@".*+q_proj", false)]
    [InlineData(@"q_proj.*", false)]
    public void Selects_ExpressionOfPython_AsPeftDoes(string pattern, bool isMeant) =>
        Assert.Equal(isMeant, TargetModules.Matching(pattern).Selects(Module, "lm_head"));

    [Fact]
    public void Selects_ExpressionWithoutEnd_IsRefused() => Assert.Throws<ConfigurationException>(
        () => TargetModules.Matching(@"(.*)*(.*)*(.*)*(.*)*x").Selects(Module + Module, "lm_head"));

    [Theory]
    [InlineData(@"(a*")]
    [InlineData(@"[a*")]
    [InlineData(@".*\")]
    public void Selects_NoExpression_IsRefused(string pattern) =>
        Assert.Throws<ConfigurationException>(() => TargetModules.Matching(pattern).Selects(Module, "lm_head"));
}
