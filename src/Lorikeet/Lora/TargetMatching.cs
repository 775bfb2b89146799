using System.Text.RegularExpressions;
using Lorikeet.Options;

namespace Lorikeet.Lora;

/// <summary>Decides which modules a <see cref="TargetModules"/> means.</summary>
/// <remarks>Reference: peft <c>tuners/tuners_utils.py</c>, <c>check_target_module_exists</c>.</remarks>
internal static class TargetMatching
{
    /// <summary>Whether <paramref name="module"/> is meant; <paramref name="head"/> never is by "all-linear".</summary>
    public static bool Selects(this TargetModules targets, string module, string head)
    {
        if (targets.IsAllLinear) return module != head;
        if (targets.Names is { } names)
            return names.Any(name => module == name || module.EndsWith("." + name, StringComparison.Ordinal));
        try
        {
            return Regex.IsMatch(module, $"^(?:{targets.Pattern})$");
        }
        catch (RegexParseException fault)
        {
            throw new ConfigurationException(
                $"'{targets.Pattern}' is not a regular expression: {fault.Message} Where: lora_target_modules. " +
                "Give module names, a valid expression, or 'all-linear'.", fault);
        }
    }
}
