using System.Net;
using System.Net.Sockets;
using System.Text;

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
            var connection = listener.AcceptTcpClient();
            new Thread(() => Serve(connection)) { IsBackground = true }.Start();
        }
    }

    // A connection stays for the next input, which would else cost more than the reading.
    private void Serve(TcpClient connection)
    {
        try
        {
            using (connection)
            using (var stream = connection.GetStream())
            using (var request = new StreamReader(stream))
            {
                while (request.ReadLine() is { } line)
                {
                    if (line.Length > 0)
                        continue;
                    byte[] answer =
                    [
                        .. "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "u8,
                        .. Encoding.ASCII.GetBytes($"{Answer.Length}\r\n\r\n"), .. Answer,
                    ];
                    stream.Write(answer);
                }
            }
        }
        catch (IOException)
        {
            // The client had enough of the answer.
        }
    }
}
