using System.Globalization;
using System.Text;
using Lorikeet.Formats;
using Lorikeet.Models.Checkpoints;

namespace Lorikeet.Models.Conversion;

/// <summary>Writes a folder from which <c>ollama create</c> makes a model: the GGUF file and a Modelfile.</summary>
internal static class OllamaExport
{
    /// <summary>The weights in the folder.</summary>
    public const string ModelFile = "model.gguf";

    private const string Modelfile = "Modelfile";

    /// <summary>Writes both files into a folder that exists.</summary>
    /// <returns>What Ollama will do otherwise, if anything.</returns>
    public static IReadOnlyList<string> Write(ModelExport export, ExportSource source, string folder)
    {
        var notes = new List<string>();
        export.Write(Path.Combine(folder, ModelFile));
        AtomicFile.WriteText(Path.Combine(folder, Modelfile), Describe(source, notes, export.LeadsWithSpace));
        return [.. export.Notes, .. notes];
    }

    /// <summary>The text of the Modelfile.</summary>
    /// <param name="source">What is exported.</param>
    /// <param name="notes">Takes what Ollama will do otherwise.</param>
    /// <param name="leadsWithSpace">Whether a prompt has to begin with a space.</param>
    internal static string Describe(ExportSource source, List<string> notes, bool leadsWithSpace = false)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"FROM ./{ModelFile}\n");
        if (source.Format() is not { } format)
        {
            notes.Add("The model has no prompt format: Ollama will give it prompts as they are.");
            return text.ToString();
        }

        var tokenizer = ModelFolder.Open(source.Base).Tokenizer;
        var begin = tokenizer?.BeginToken is { } id ? tokenizer.IdToToken(id) : null;
        var template = OllamaTemplate.Of(format, begin);
        if (template is null)
            notes.Add("The prompt format cannot be said in Ollama's language; Ollama will look for one that it knows.");
        else if (!template.IsExact)
            notes.Add(
                "The Modelfile has the plain form of the prompt format, without dates, tools and system messages.");

        var lead = leadsWithSpace && template is not null ? " " : "";
        if (lead.Length > 0)
            notes.Add("Ollama begins every exchange with the space that is right before the first; later ones differ " +
                "by it.");
        if (template is not null)
            text.Append(CultureInfo.InvariantCulture, $"\nTEMPLATE \"\"\"{lead}{template.Template}\"\"\"\n");
        if (template?.System is { } system)
            text.Append(CultureInfo.InvariantCulture, $"\nSYSTEM \"\"\"{system}\"\"\"\n");
        if (format.StopStrings.Count > 0)
            text.Append('\n');
        foreach (var stop in format.StopStrings)
            text.Append(CultureInfo.InvariantCulture, $"PARAMETER stop {Quote(stop)}\n");
        return text.ToString();
    }

    private static string Quote(string text) =>
        "\"" + text.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n") + "\"";
}
