using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Lorikeet.Formats.Json;
using Lorikeet.Models.Rewards;

namespace Lorikeet.Cli.Shell;

/// <summary>
/// Rewards that a program gives: it reads a JSON object a line, an answer each, and writes a number a line.
/// </summary>
internal static class CommandReward
{
    private const string Prefix = "command:";
    private const int LinesOfError = 3;

    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>Those among the rewards that options name.</summary>
    public static IReadOnlyList<Reward> Among(IEnumerable<string> names) =>
    [
        .. names.Where(name => name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
            .Select(name => Reward.OfAll(name, (answers, stop) => Run(name, answers, stop).GetAwaiter().GetResult())),
    ];

    private static async Task<IReadOnlyList<double>> Run(
        string name, IReadOnlyList<Completion> answers, CancellationToken stop)
    {
        using var process = Start(name[Prefix.Length..].Trim());
        using var ending = stop.Register(() => process.Kill(entireProcessTree: true));
        var output = process.StandardOutput.ReadToEndAsync(stop);
        var errors = process.StandardError.ReadToEndAsync(stop);
        try
        {
            foreach (var answer in answers)
                await process.StandardInput.WriteLineAsync(Line(answer).ToJsonString(JsonFormats.Line))
                    .ConfigureAwait(false);
            process.StandardInput.Close();
        }
        catch (IOException) // it ended without reading all; its exit code and numbers say whether that is wrong
        {
        }

        await process.WaitForExitAsync(stop).ConfigureAwait(false);
        var lines = (await output.ConfigureAwait(false))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (process.ExitCode != 0)
            throw new LorikeetException(
                $"The program of the reward '{name}' ended with exit code {process.ExitCode}; 0 was expected. "
                + Last(await errors.ConfigureAwait(false)));
        return lines.Length == answers.Count
            ? [.. lines.Select((line, i) => Number(name, line, i + 1))]
            : throw new LorikeetException(
                $"The program of the reward '{name}' wrote {lines.Length} lines for {answers.Count} answers. A number "
                + "a line was expected, one for each line that it reads. "
                + Last(await errors.ConfigureAwait(false)));
    }

    private static Process Start(string command)
    {
        var start = OperatingSystem.IsWindows()
            ? new ProcessStartInfo("cmd.exe", ["/c", command])
            : new ProcessStartInfo("/bin/sh", ["-c", command]);
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError) = (true, true, true);
        (start.StandardInputEncoding, start.StandardOutputEncoding) = (s_utf8, s_utf8);
        return Process.Start(start)!;
    }

    private static JsonObject Line(Completion answer) => new()
    {
        ["prompt"] = answer.Question,
        ["completion"] = answer.Text,
        ["answers"] = new JsonArray([.. answer.Answers.Select(text => (JsonNode)text)]),
        ["tokens"] = answer.Ids.Count,
        ["truncated"] = answer.IsTruncated,
    };

    private static double Number(string name, string line, int number) =>
        double.TryParse(line, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new LorikeetException(
                $"The program of the reward '{name}' wrote '{line}' in line {number}. A number was expected, or NaN "
                + "where it has nothing to say.");

    private static string Last(string errors)
    {
        var lines = errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return lines.Length == 0
            ? "It wrote no error."
            : $"Its last words: {string.Join(" / ", lines[^Math.Min(lines.Length, LinesOfError)..])}";
    }
}
