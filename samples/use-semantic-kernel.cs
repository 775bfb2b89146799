#:project ../src/Lorikeet.Extensions.AI/Lorikeet.Extensions.AI.csproj
#:package Microsoft.SemanticKernel
#:property PublishAot=false

// Semantic Kernel over an adapter in this process.
//
//     dotnet run -c Release samples/finetune-and-ask.cs && dotnet run -c Release samples/use-semantic-kernel.cs
//
// Prints: Terbium has the number 65.
// Prints: The chat service says the same: 65

using Lorikeet;
using Lorikeet.Extensions.AI;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.SemanticKernel;
using Microsoft.SemanticKernel.ChatCompletion;

using var model = LanguageModel.Load(args.Length > 0 ? args[0] : "runs/qa/adapter");
using var client = new LorikeetChatClient(model);

var builder = Kernel.CreateBuilder();
builder.Services.AddSingleton<IChatClient>(client);
var kernel = builder.Build();
var number = await kernel.InvokePromptAsync(
    "What is the atomic number of {{$element}}?", new() { ["element"] = "terbium" });
Console.WriteLine($"Terbium has the number {number}.");

// What asks for an IChatCompletionService gets one too.
var service = client.AsChatCompletionService();
var history = new ChatHistory();
history.AddUserMessage("What is the atomic number of terbium?");
Console.WriteLine($"The chat service says the same: {await service.GetChatMessageContentAsync(history)}");
