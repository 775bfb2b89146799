using Lorikeet.Models.Generation;
using Lorikeet.Serving;

namespace Lorikeet.Server.Endpoints;

/// <summary>Why an answer ended, in OpenAI's words.</summary>
internal static class FinishReasons
{
    /// <summary>Of a turn.</summary>
    public static string Of(ChatFinish finish) => finish switch
    {
        ChatFinish.Length => "length",
        ChatFinish.ToolCalls => "tool_calls",
        _ => "stop",
    };

    /// <summary>Of a continuation.</summary>
    public static string Of(FinishReason finish) => finish == FinishReason.Length ? "length" : "stop";
}
