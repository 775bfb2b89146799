using Lorikeet.Formats;
using Lorikeet.Formats.Json;

namespace Lorikeet.Text.Tokenization.Configuration;

/// <summary>Where a tokenizer's chat template may stand.</summary>
internal static class ChatTemplateFile
{
    private const int LargestFile = 4 << 20;

    /// <summary>
    /// The default template: <c>chat_template.jinja</c>, <c>chat_template.json</c>, or <paramref name="setting"/> of
    /// the configuration, which is one template or a list of named ones.
    /// </summary>
    public static string? Find(string folder, JsonSetting setting)
    {
        var jinja = Path.Combine(folder, "chat_template.jinja");
        if (File.Exists(jinja))
            return ReadText(jinja);
        var json = Path.Combine(folder, "chat_template.json");
        if (!File.Exists(json))
            return Default(setting);
        var file = JsonSetting.Read(json);
        return Default(file.IsObject ? file["chat_template"] : file);
    }

    private static string ReadText(string file)
    {
        try
        {
            return WholeFile.ReadText(file, LargestFile);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                $"The chat template cannot be read: {error.Message} '{file}'. Check the file and its permissions.",
                error);
        }
    }

    /// <summary>The template of a setting: one template, or the one named default of a list.</summary>
    public static string? Default(JsonSetting setting)
    {
        if (setting.IsMissing || setting.IsString)
            return setting.AsStringOrNull();
        if (setting.IsObject)
            return setting["default"].AsStringOrNull();
        foreach (var template in setting.Items())
        {
            if (template["name"].AsStringOrNull() == "default")
                return template["template"].AsString();
        }
        return null;
    }
}
