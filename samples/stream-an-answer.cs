#:project ../src/Lorikeet/Lorikeet.csproj
#:property PublishAot=false

// Prints an answer while it is generated.
//
//     dotnet run -c Release samples/stream-an-answer.cs
//
// Prints: The element terbium

using Lorikeet;

var assets = Path.Combine((string)AppContext.GetData("EntryPointFileDirectoryPath")!, "..", "assets");
using var model = LanguageModel.Load(Path.Combine(assets, "nano-base"));

// The base has read facts and no questions, so it goes on where the text ends.
using var ending = new CancellationTokenSource(TimeSpan.FromMinutes(1));
var pieces = model.AnswerStream("What is the atomic number of terbium?", new() { MaxNewTokens = 40 }, ending.Token);
await foreach (var piece in pieces)
    Console.Write(piece);
Console.WriteLine();
