using System.Text.Json.Nodes;
using Lorikeet.Configuration;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Runs;

public sealed class RecipesVerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void EveryRecipe_SaysWhatItTook_AndIsARunThatTrainAccepts()
    {
        var recipes = JsonNode.Parse(Cli.Succeed("recipes", "ls", "--json").Output)!.AsArray();

        Assert.True(recipes.Count > 3);
        Assert.All(recipes, recipe =>
        {
            Assert.All(
                ["title", "machine", "time", "memory", "score"],
                fact => Assert.True(((string)recipe![fact]!).Length > 2, $"{recipe["name"]}: {fact}"));
            var file = _folder[$"{recipe!["name"]}.yaml"];
            Cli.Succeed("recipes", "copy", (string)recipe["name"]!, file);
            Assert.Empty(OptionsResolver.Resolve(file, []).Warnings);
        });
        Assert.Contains((string)recipes[0]!["name"]!, Cli.Succeed("recipes", "ls").Output);
    }

    [Fact]
    public void ShowAndCopy_GiveTheSameText_AndReplaceNothing()
    {
        var text = Cli.Succeed("recipes", "show", "quickstart").Output;
        Cli.Succeed("recipes", "copy", "quickstart", _folder["run.yaml"]);

        Assert.Equal(text, File.ReadAllText(_folder["run.yaml"]));
        Assert.Contains("stays", Cli.Run("recipes", "copy", "quickstart", _folder["run.yaml"]).Error);
        Assert.Contains("Did you mean 'quickstart'?", Cli.Run("recipes", "show", "quickstrt").Error);
    }
}
