using Lorikeet.Formats.Pickle;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Testing;

namespace Lorikeet.Formats.Tests.Pickle;

/// <summary>Files of a few bytes that ask for terabytes, for hours or for all of the stack.</summary>
public sealed class HostilePickleTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_RefusesATensorThatRepeatsItsStorageBeyondTheRule() => AssertRefused(new PickleBuilder().Dictionary(
        ("weight", value => value.Tensor("FloatStorage", "0", 1, 0, [1 << 20, 1 << 10], [0, 0]))), "64 MiB");

    [Fact]
    public void Open_ReadsATensorThatRepeatsItsStorage()
    {
        new PickleBuilder().Dictionary(("weight", value => value.Tensor("FloatStorage", "0", 1, 0, [2, 3], [0, 0])))
            .WriteZip(_folder["a.bin"], [("0", BitConverter.GetBytes(1.5f))]);

        using var file = TorchFile.OpenWeights(_folder["a.bin"]);
        Assert.Equal(Enumerable.Repeat(1.5f, 6), file.Span<float>("weight").ToArray());
    }

    [Fact]
    public void Open_RefusesNamesThatGrowWithTheNesting()
    {
        var pickle = new PickleBuilder().Text(new string('k', 60_000)).Op('q').Op('\x01').Op('0');
        for (var level = 0; level < 55; level++)
            pickle.Op('}').Op('h').Op('\x01');
        pickle.Op('}').Op('(');
        for (var leaf = 0; leaf < 3000; leaf++)
            pickle.Number(leaf).Tensor("FloatStorage", "0", 1, 0, [1], [1]);
        pickle.Op('u');
        for (var level = 0; level < 55; level++)
            pickle.Op('s');

        AssertRefused(pickle, "64 MiB");
    }

    [Theory]
    [InlineData(']')]
    [InlineData('}')]
    [InlineData('N')]
    public void Open_RefusesBytesThatStandForMuchMemory(char opcode)
    {
        var pickle = new PickleBuilder();
        for (var i = 0; i < 8_000_000; i++)
            pickle.Op(opcode);
        AssertRefused(pickle, "64 MiB");
    }

    [Theory]
    [InlineData('L')]
    [InlineData('I')]
    public void Open_RefusesALongInteger(char opcode)
    {
        var pickle = new PickleBuilder().Op(opcode);
        for (var i = 0; i < 3_000_000; i++)
            pickle.Op('9');
        AssertRefused(pickle.Op('\n'), "3000000 digits");
    }

    [Fact]
    public void Open_RefusesCallsWithinCalls()
    {
        var pickle = new PickleBuilder().Global("torch._tensor", "_rebuild_from_type_v2").Op('q').Op('\x01').Op('0')
            .Op(')');
        for (var level = 0; level < 100_000; level++)
            pickle.Op('q').Op('\x02').Op('0').Op('h').Op('\x01').Op('N').Op('h').Op('\x02').Op('\x87');
        pickle.Op('q').Op('\x02').Op('0').Op('h').Op('\x01').Op('h').Op('\x02').Op('R');
        AssertRefused(pickle, "nested deeper");
    }

    [Fact]
    public void Open_RefusesATensorOfManyDimensions()
    {
        var ones = Enumerable.Repeat(1, 100_000).ToArray();
        AssertRefused(new PickleBuilder().Dictionary(
            ("weight", value => value.Tensor("FloatStorage", "0", 1, 0, ones, ones))), "PyTorch does not write");
    }

    [Fact]
    public void OpenLegacy_RefusesAStorageLongerThanTheFile()
    {
        // 2^61 elements of 4 bytes more than fit reach just to the largest offset there is.
        var pickle = new PickleBuilder().Op('(').Text("storage").Global("torch", "ByteStorage").Text("0").Text("cpu")
            .Op('\x8a').Op('\x08').Op('\xff').Op('\xff').Op('\xff').Op('\xff').Op('\xff').Op('\xff').Op('\xff')
            .Op('\x7f')
            .Op('t').Op('Q');
        pickle.WriteLegacy(_folder["a.bin"], ("0", -1, [1, 2, 3]));
        var bytes = File.ReadAllBytes(_folder["a.bin"]);
        BitConverter.GetBytes(long.MaxValue).CopyTo(bytes, bytes.Length - 11);
        File.WriteAllBytes(_folder["a.bin"], bytes);

        Assert.Contains(
            "cut short", Assert.Throws<CheckpointException>(() => TorchFile.Open(_folder["a.bin"])).Message);
    }

    private void AssertRefused(PickleBuilder pickle, string said)
    {
        pickle.WriteZip(_folder["a.bin"], [("0", BitConverter.GetBytes(1f))]);
        var fault = Assert.Throws<CheckpointException>(() => TorchFile.Open(_folder["a.bin"]));
        Assert.Contains(said, fault.Message, StringComparison.Ordinal);
        Assert.Contains(_folder["a.bin"], fault.Message, StringComparison.Ordinal);
    }
}
