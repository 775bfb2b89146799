#:sdk Microsoft.NET.Sdk.Web
#:project ../src/Lorikeet.Extensions.AI/Lorikeet.Extensions.AI.csproj
#:property PublishAot=false

// A web API around an adapter: AddLorikeet loads it while the application starts, and says in /health when it is there.
//
//     dotnet run -c Release samples/finetune-and-ask.cs && dotnet run -c Release samples/serve-a-web-api.cs
//
// Prints: /ask says: 65

using Lorikeet.Extensions.AI;
using Microsoft.Extensions.AI;

var runs = Path.Combine((string)AppContext.GetData("EntryPointFileDirectoryPath")!, "..", "runs");
var builder = WebApplication.CreateBuilder(args);
builder.Logging.SetMinimumLevel(LogLevel.Warning);
builder.WebHost.UseUrls("http://127.0.0.1:0");

// From appsettings.json: AddLorikeet(builder.Configuration.GetSection("Lorikeet")).
builder.Services.AddLorikeet(
    options => options.Model = args.Length > 0 ? args[0] : Path.Combine(runs, "qa", "adapter"));
builder.Services.AddHealthChecks().AddLorikeet();

var app = builder.Build();
app.MapHealthChecks("/health");
app.MapGet("/ask", async (string question, IChatClient client, CancellationToken cancellation) =>
    (await client.GetResponseAsync(question, cancellationToken: cancellation)).Text);

// A server would end here with app.Run(). This one asks itself and stops.
await app.StartAsync();
using var http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
Console.WriteLine($"/ask says: {await http.GetStringAsync("/ask?question=What is the atomic number of terbium?")}");
Console.WriteLine($"/health says: {await http.GetStringAsync("/health")}");
await app.StopAsync();
