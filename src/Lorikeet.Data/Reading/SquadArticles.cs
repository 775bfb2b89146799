using System.Text.Json.Nodes;

namespace Lorikeet.Data.Reading;

/// <summary>SQuAD's articles: <c>{"paragraphs": [{"context", "qas": [{"id", "question", "answers"}]}]}</c>.</summary>
internal static class SquadArticles
{
    /// <summary>One row per question of an article; any other row is returned as it is.</summary>
    public static IEnumerable<DataRow> Flatten(DataRow row)
    {
        if (row.Values["paragraphs"] is not JsonArray paragraphs)
            return [row];
        return paragraphs.OfType<JsonObject>().SelectMany(paragraph => Questions(row, paragraph));
    }

    private static IEnumerable<DataRow> Questions(DataRow article, JsonObject paragraph)
    {
        if (paragraph["qas"] is not JsonArray questions)
        {
            throw new DatasetException(
                $"{article.Origin} has a paragraph without 'qas'. SQuAD's paragraphs are " +
                "{\"context\": ..., \"qas\": [...]}. Add the questions or remove the paragraph.");
        }
        foreach (var question in questions.OfType<JsonObject>())
        {
            var values = (JsonObject)question.DeepClone();
            values["context"] = paragraph["context"]?.DeepClone();
            if (article.Values["title"] is { } title)
                values["title"] = title.DeepClone();
            var detail = $"question '{question["id"] ?? question["question"]}'";
            yield return new DataRow(values, article.Origin with { Detail = detail });
        }
    }
}
