using System.Diagnostics;
using System.Text.RegularExpressions;
using Lorikeet.Testing;

namespace Lorikeet.Server.Tests.Clients;

/// <summary>
/// npm's openai holds the conversations of <c>Node/conversations.mjs</c> with the server. <c>npm ci</c> in that folder
/// brings it; .ci/run does so where there is npm.
/// </summary>
public sealed partial class NodeClientTests(NanoModel nano)
{
    private static string Folder => Path.Combine(TestAssets.Root, "tests", "Lorikeet.Server.Tests", "Clients", "Node");

    public static TheoryData<string> Conversations
    {
        get
        {
            var script = File.ReadAllText(Path.Combine(Folder, "conversations.mjs"));
            return [.. Name().Matches(script).Select(match => match.Groups[1].Value)];
        }
    }

    [Theory]
    [MemberData(nameof(Conversations))]
    public async Task Conversation_IsHeld(string conversation)
    {
        Assert.SkipUnless(
            Directory.Exists(Path.Combine(Folder, "node_modules", "openai")),
            $"Run 'npm ci' in '{Folder}': npm's openai is not there.");
        await using var server = await (conversation switch
        {
            "busy" => ClientServer.StartNarrow(nano),
            "runner" => ClientServer.StartLong(nano),
            _ => ClientServer.Start(nano),
        });
        string[] arguments = ["conversations.mjs", conversation, server.Endpoint.ToString(), ClientServer.Key];
        using var node = Process.Start(new ProcessStartInfo("node", arguments)
        {
            WorkingDirectory = Folder,
            RedirectStandardError = true,
        })!;
        var fault = await node.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await node.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(node.ExitCode == 0, fault);
        await server.WaitUntilIdle();
    }

    [Fact]
    public void Conversations_AreFound() => Assert.Contains("responses-tools", Conversations.Select(row => row.Data));

    [GeneratedRegex(@"^    async '?([\w-]+)'?\(\)", RegexOptions.Multiline)]
    private static partial Regex Name();
}
