using Microsoft.Extensions.Options;

namespace Lorikeet.Extensions.AI;

/// <summary>Finds what is wrong with options when the application starts, before a model is loaded.</summary>
internal sealed class LorikeetOptionsValidation : IValidateOptions<LorikeetOptions>
{
    public ValidateOptionsResult Validate(string? name, LorikeetOptions options)
    {
        var model = string.IsNullOrEmpty(name) ? "The model" : $"The model '{name}'";
        var faults = new List<string>();
        if (options.Model.Length == 0 && options.Adapters.Count == 0)
        {
            faults.Add($"{model} has neither 'Model' nor 'Adapters'. A folder, a GGUF file or a hub id was expected; "
                + "set one of them in AddLorikeet or in the section of configuration that it reads.");
        }

        if (options.Adapters.Any(string.IsNullOrWhiteSpace))
            faults.Add($"{model} has an adapter without a source. Write NAME=FOLDER, or the folder or hub id alone.");
        try
        {
            options.Engine.Validate();
        }
        catch (ConfigurationException fault)
        {
            faults.Add($"{model}, 'Engine': {fault.Message}");
        }

        return faults.Count > 0 ? ValidateOptionsResult.Fail(faults) : ValidateOptionsResult.Success;
    }
}
