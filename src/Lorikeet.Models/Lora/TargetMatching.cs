using Lorikeet.Text.Tokenization.Patterns;

namespace Lorikeet.Models.Lora;

/// <summary>Decides which modules a <see cref="TargetModules"/> means.</summary>
/// <remarks>Reference: peft <c>tuners/tuners_utils.py</c>, <c>check_target_module_exists</c>.</remarks>
internal static class TargetMatching
{
    /// <summary>Whether <paramref name="module"/> is meant; <paramref name="head"/> never is by "all-linear".</summary>
    /// <exception cref="ConfigurationException">The pattern is no regular expression.</exception>
    public static bool Selects(this TargetModules targets, string module, string head)
    {
        if (targets.IsAllLinear)
            return module != head;
        return targets.Names is { } names
            ? names.Any(name => module == name || module.EndsWith("." + name, StringComparison.Ordinal))
            : PythonExpression.MatchesWhole(targets.Pattern!, module);
    }
}
