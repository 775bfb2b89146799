using System.Numerics;
using Lorikeet.Formats.Pickle;

namespace Lorikeet.Formats.Tests.Pickle;

public class PickleReaderTests
{
    // The texts are what Python's pickle.dumps gives for the value beside them; protocol 0 is text, the others are hex.
    [Theory]
    [InlineData("4930310a2e", true)] // 0: True
    [InlineData("4c3132333435363738393031324c0a2e", 123456789012L)] // 0
    [InlineData("46312e350a2e", 1.5)] // 0
    [InlineData("565c75316562660a70300a2e", "ế")] // 0
    [InlineData("80028a060000000000012e", 1L << 40)] // 2
    [InlineData("80024affffffff2e", -1L)] // 2
    [InlineData("8004950a00000000000000473ff80000000000002e", 1.5)] // 4
    [InlineData("80049507000000000000008c03e1babf942e", "ế")] // 4
    [InlineData("80024e2e", null)] // 2
    public void Read_GivesWhatPythonWrote(string hex, object? expected) => Assert.Equal(expected, Read(hex));

    [Fact]
    public void Read_KeepsLargeIntegers() =>
        Assert.Equal(BigInteger.Pow(2, 70), Read("80028a090000000000000000402e"));

    [Fact]
    public void Read_BuildsContainers()
    {
        // protocol 2: {'a': (1, [2, 3]), 'b': b'xy'} with bytes as _codecs.encode('xy', 'latin1')
        var value = (PickleDictionary)Read(
            "80027d71002858010000006171014b015d7102284b024b03658671035801000000627104635f636f646563730a656e636f64650a"
            + "710558020000007879710658060000006c6174696e317107867108527109752e")!;
        var tuple = Assert.IsType<PickleTuple>(value["a"]);
        Assert.Equal([1L, new List<object?> { 2L, 3L }], tuple.Items);
        Assert.Equal("xy"u8.ToArray(), value["b"]);
        Assert.Null(value["c"]);
    }

    [Theory]
    [InlineData("2e", "takes more from its stack")]
    [InlineData("80024b", "1 bytes are needed")]
    [InlineData("80028bffffffff2e", "")]
    [InlineData("8002ff2e", "opcode 0xff")]
    [InlineData("800268052e", "recalls slot 5")]
    [InlineData("80024b014b0261", "appended to no list")]
    [InlineData("8002284b014b02752e", "takes more from its stack")]
    public void Read_RefusesABrokenProgram(string hex, string said)
    {
        var fault = Assert.ThrowsAny<Exception>(() => Read(hex));
        Assert.True(fault is FormatException or OverflowException, fault.ToString());
        Assert.Contains(said, fault.Message);
    }

    private static object? Read(string hex)
    {
        var bytes = Convert.FromHexString(hex);
        var reader = new PickleReader(bytes, id => id, new HashSet<PickleGlobal>(), new ByteBudget(bytes.Length));
        var value = reader.Read();
        Assert.Equal(bytes.Length, reader.Position);
        return value;
    }
}
