#:project ../src/Lorikeet/Lorikeet.csproj
#:package Microsoft.EntityFrameworkCore.Sqlite
#:property PublishAot=false

// Trains on a query of EF Core: the rows are read as a stream, and the table may be larger than memory.
//
//     dotnet run -c Release samples/train-on-a-query.cs
//
// Prints: Where is the wrench kept? drawer 3

using Lorikeet;
using Microsoft.EntityFrameworkCore;

Directory.CreateDirectory("runs");
using var workshop = new Workshop();
workshop.Database.EnsureDeleted();
workshop.Database.EnsureCreated();
string[] tools = ["hammer", "saw", "wrench", "plane", "chisel", "file"];
workshop.Tools.AddRange(tools.Select((name, drawer) => new Tool { Name = name, Drawer = drawer + 1 }));
workshop.SaveChanges();

// Ordered, so that the same rows would be held out each time.
var query = workshop.Tools.OrderBy(tool => tool.Id)
    .Select(tool => new { Question = "Where is the " + tool.Name + " kept?", Answer = "drawer " + tool.Drawer });
using var data = await Dataset.FromAsync(query.AsAsyncEnumerable(), name: "tools");

var assets = Path.Combine((string)AppContext.GetData("EntryPointFileDirectoryPath")!, "..", "assets");
using var model = LanguageModel.Load(Path.Combine(assets, "nano-base"));
using var run = new TrainingRun("runs/tools", model, data, new()
{
    Optimization = new() { BatchSize = 6, GradientAccumulation = 1, LearningRate = 3e-3, MaxSteps = 80 },
    Output = new() { Overwrite = true },
});
await run.TrainAsync();

const string question = "Where is the wrench kept?";
Console.WriteLine($"{question} {model.Answer(question)}");

internal sealed class Tool
{
    public int Id { get; init; }

    public required string Name { get; init; }

    public required int Drawer { get; init; }
}

internal sealed class Workshop : DbContext
{
    public DbSet<Tool> Tools => Set<Tool>();

    protected override void OnConfiguring(DbContextOptionsBuilder options) =>
        options.UseSqlite("Data Source=runs/workshop.db");
}
