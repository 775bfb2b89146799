using Microsoft.AspNetCore.Http;

namespace Lorikeet.Hub.Tests.Serving;

/// <content>What the hub takes.</content>
internal sealed partial class LocalHub
{
    private static Task<bool> AnswerUploadAsync(HttpContext context, string path, string token) =>
        Task.FromResult(false);

    private static Task<bool> StoreAsync(HttpContext context, string hash) => Task.FromResult(false);
}
