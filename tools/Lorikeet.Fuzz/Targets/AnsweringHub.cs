using System.Net;
using System.Net.Sockets;

namespace Lorikeet.Fuzz.Targets;

/// <summary>A server of this machine that gives one answer to whatever it is asked.</summary>
internal sealed class AnsweringHub
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public AnsweringHub()
    {
        _listener.Start();
        new Thread(Serve) { IsBackground = true }.Start();
    }

    /// <summary>The body of the answer.</summary>
    public byte[] Answer { get; set; } = [];

    public Uri Address => new($"http://{_listener.LocalEndpoint}/");

    private void Serve()
    {
        while (true)
        {
            using var connection = _listener.AcceptTcpClient();
            using var stream = connection.GetStream();
            using (var request = new StreamReader(stream, leaveOpen: true))
            {
                while (request.ReadLine() is { Length: > 0 })
                {
                    // the headers, up to the empty line
                }
            }

            stream.Write(System.Text.Encoding.ASCII.GetBytes(
                $"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {Answer.Length}\r\nConnection: close\r\n\r\n"));
            stream.Write(Answer);
        }
    }
}
