using System.Net;
using System.Net.Sockets;

namespace Lorikeet.Fuzz.Targets;

/// <summary>A server of this machine that gives one answer to whatever it is asked.</summary>
internal sealed class AnsweringHub
{
    /// <summary>Listens until the process ends.</summary>
    public AnsweringHub()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Address = new Uri($"http://{listener.LocalEndpoint}/");
        new Thread(() => Serve(listener)) { IsBackground = true }.Start();
    }

    /// <summary>The body of the answer.</summary>
    public byte[] Answer { get; set; } = [];

    public Uri Address { get; }

    private void Serve(TcpListener listener)
    {
        while (true)
        {
            using var connection = listener.AcceptTcpClient();
            using var stream = connection.GetStream();
            using (var request = new StreamReader(stream, leaveOpen: true))
            {
                while (request.ReadLine() is { Length: > 0 })
                {
                    // the headers, up to the empty line
                }
            }

            stream.Write(System.Text.Encoding.ASCII.GetBytes(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                $"{Answer.Length}\r\nConnection: close\r\n\r\n"));
            stream.Write(Answer);
        }
    }
}
