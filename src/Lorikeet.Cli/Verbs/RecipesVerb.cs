using System.CommandLine;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Inference;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Runs;
using Lorikeet.Cli.Shell;
using Lorikeet.Formats;
using Spectre.Console;

namespace Lorikeet.Cli.Verbs;

/// <summary>Shows runs that were made and measured, and copies them to start from.</summary>
internal sealed class RecipesVerb : Verb
{
    private const string List = "ls";
    private const string Show = "show";
    private const string Copy = "copy";

    private readonly Argument<string> _what = new("WHAT")
    { Description = "ls, show or copy: what is done with the recipes" };

    private readonly Argument<string?> _name = new("NAME")
    {
        Description = "A recipe, as ls names it.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Argument<string?> _file = new("FILE")
    {
        Description = "Where copy puts it; run.yaml when left out.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public RecipesVerb() : base(
        "recipes", "Show measured runs, with time, memory and score, and copy one to start from.",
        "Print JSON instead of text.")
    {
        _what.AcceptOnlyFromAmong(List, Show, Copy);
        Add(_what);
        Add(_name);
        Add(_file);
    }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("all, with what they took and what came of them", "recipes ls"),
        ("one of them, to read", "recipes show quickstart"),
        ("one of them, to change and run: 'train run.yaml'", "recipes copy quickstart run.yaml"),
    ];

    public override int Run(Invocation call)
    {
        var (arguments, terminal, _) = call;
        var what = arguments.GetValue(_what);
        if (what == List)
        {
            ShowAll(call);
            return 0;
        }

        var recipe = Find(arguments.GetValue(_name));
        if (what == Copy)
            CopyTo(call, recipe, arguments.GetValue(_file) ?? "run.yaml");
        else if (IsJson(call))
            terminal.Out.WriteLine(JsonText.Indented(ToJson(recipe)));
        else
            terminal.Out.Write(recipe.Text);
        return 0;
    }

    private void ShowAll(Invocation call)
    {
        if (IsJson(call))
        {
            call.Terminal.Out.WriteLine(JsonText.Indented(
                new JsonArray([.. Recipe.All.Select(recipe => (JsonNode)ToJson(recipe))])));
            return;
        }

        var table = Tables.Create("Recipe", "What", "Machine", "Time", "Memory", "Score");
        table.ShowRowSeparators = true;
        foreach (var recipe in Recipe.All)
        {
            table.AddRow([.. new[]
            {
                recipe.Name, recipe.Title, recipe.Machine, recipe.Time, recipe.Memory, recipe.Score,
            }.Select(text => text.EscapeMarkup())]);
        }

        call.Terminal.Data.Write(table);
    }

    private void CopyTo(Invocation call, Recipe recipe, string file)
    {
        if (Path.Exists(file))
            throw new ConfigurationException($"'{file}' is there already, and stays. Name another file.");
        AtomicFile.WriteText(file, recipe.Text);
        if (IsJson(call))
            call.Terminal.Out.WriteLine(JsonText.Line(new JsonObject { ["name"] = recipe.Name, ["output"] = file }));
        else
            call.Terminal.Error.WriteLine($"Wrote {file}. Go on with: {ProgramName.InFiles} train {file}");
    }

    private static Recipe Find(string? name)
    {
        var names = Recipe.All.Select(recipe => recipe.Name).ToList();
        if (name is null)
            throw new ConfigurationException($"No recipe is named. Name one of {string.Join(", ", names)}.");
        return Recipe.All.FirstOrDefault(recipe => recipe.Name == name) ?? throw new ConfigurationException(
            $"There is no recipe '{name}'. "
            + (NearestName.Among(names, name) is { } near ? $"Did you mean '{near}'?"
                : $"There are {string.Join(", ", names)}."));
    }

    private static JsonObject ToJson(Recipe recipe) => new()
    {
        ["name"] = recipe.Name,
        ["title"] = recipe.Title,
        ["machine"] = recipe.Machine,
        ["time"] = recipe.Time,
        ["memory"] = recipe.Memory,
        ["score"] = recipe.Score,
        ["yaml"] = recipe.Text,
    };
}
