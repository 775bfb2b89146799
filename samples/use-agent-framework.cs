#:project ../src/Lorikeet.Extensions.AI/Lorikeet.Extensions.AI.csproj
#:package Microsoft.Agents.AI
#:property PublishAot=false

// An agent of Microsoft's Agent Framework over an adapter in this process.
//
//     dotnet run -c Release samples/finetune-and-ask.cs && dotnet run -c Release samples/use-agent-framework.cs
//
// Prints: chemist: 65

using Lorikeet;
using Lorikeet.Extensions.AI;
using Microsoft.Agents.AI;
using Microsoft.Extensions.AI;

using var model = LanguageModel.Load(args.Length > 0 ? args[0] : "runs/qa/adapter");
using var client = new LorikeetChatClient(model);

// Without instructions and session: the adapter has learned single questions.
AIAgent agent = client.AsAIAgent(name: "chemist");
Console.WriteLine($"{agent.Name}: {await agent.RunAsync("What is the atomic number of terbium?")}");

await foreach (var update in agent.RunStreamingAsync("What is the symbol for the element zinc?"))
    Console.Write(update);
Console.WriteLine();
