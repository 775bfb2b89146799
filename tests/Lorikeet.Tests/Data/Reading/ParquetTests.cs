using System.Globalization;
using System.Text.Json.Nodes;
using CsCheck;
using Lorikeet.Data.Reading;
using Lorikeet.Data.Reading.Parquet;
using Parquet;
using Parquet.Data;
using Parquet.Schema;
using Parquet.Serialization;
using Parquet.Serialization.Attributes;

namespace Lorikeet.Tests.Data.Reading;

public sealed class ParquetTests : IDisposable
{
    private readonly DataFixture _data = new();

    public void Dispose() => _data.Dispose();

    public sealed class Values
    {
        public float? Single { get; set; }

        public double? Double { get; set; }

        public int? Int { get; set; }

        public ulong? Large { get; set; }

        public bool? Flag { get; set; }

        public byte[]? Bytes { get; set; }

        public string? Text { get; set; }

        [ParquetTimestamp(ParquetTimestampResolution.Microseconds)]
        public DateTime? Time { get; set; }

        public DateOnly? Day { get; set; }

        [ParquetDecimal(20, 3)]
        public decimal? Price { get; set; }

        public Guid? Id { get; set; }
    }

    [Fact]
    public async Task EveryKindOfValue_IsShownAsTheDatasetsLibraryShowsIt()
    {
        var path = await WriteAsync(
        [
            new Values
            {
                Single = 0.1f, Double = 0.1, Int = -7, Large = ulong.MaxValue, Flag = true, Bytes = [.. "Hà Nội"u8],
                Text = "",
                Time = new DateTime(2024, 1, 31, 12, 0, 5, DateTimeKind.Unspecified), Day = new DateOnly(2024, 2, 29),
                Price = 12.5m, Id = Guid.Parse("00000000-0000-0000-0000-0000000000ff"),
            },
            new Values
            {
                Single = 16777216f, Double = double.NaN, Bytes = [0xFF, 0xFE], Text = "a\nb",
                Time = new DateTime(2024, 1, 31, 12, 0, 5, DateTimeKind.Unspecified).AddTicks(1234560), Price = -0.001m,
            },
            new Values { Single = float.PositiveInfinity },
        ]);

        var rows = DatasetReader.Read(path, ["train"]).Select(row => row.Values).ToArray();
        Assert.Equal(
            [
                "0.1", "0.1", "-7", "18446744073709551615", "true", "Hà Nội", "", "2024-01-31 12:00:05", "2024-02-29",
                "12.500", "00000000-0000-0000-0000-0000000000ff",
            ],
            rows[0].Select(cell => cell.Value!.ToString()));
        Assert.Equal("16777216", rows[1]["Single"]!.ToString());
        Assert.Null(rows[1]["Double"]);
        Assert.Equal("//4=", (string?)rows[1]["Bytes"]);
        Assert.Equal("2024-01-31 12:00:05.123456", (string?)rows[1]["Time"]);
        Assert.Equal("-0.001", rows[1]["Price"]!.ToString());
        Assert.Equal("inf", (string?)rows[2]["Single"]);
        Assert.All(rows[2].Skip(1), cell => Assert.Null(cell.Value));
    }

    [Fact]
    public void EverySingle_IsItsShortestText() =>
        Gen.Single.Where(float.IsFinite).Array[1, 20].Sample(values =>
        {
            var path = WriteAsync(values.Select(value => new Values { Single = value })).GetAwaiter().GetResult();
            Assert.Equal(values, DatasetReader.Read(path, ["train"]).Select(row =>
                float.Parse(row.Values["Single"]!.ToJsonString(), CultureInfo.InvariantCulture)));
            Assert.All(DatasetReader.Read(path, ["train"]), row =>
                Assert.True(row.Values["Single"]!.ToJsonString().Count(char.IsAsciiDigit) <= 45));
        }, iter: 20, threads: 1);

    public sealed class Inner
    {
        public string? Name { get; set; }

        public List<int>? Numbers { get; set; }
    }

    public sealed class Outer
    {
        public List<Inner>? Parts { get; set; }

        public Inner? One { get; set; }

        public Dictionary<string, int>? Counts { get; set; }

        public List<List<string>>? Deep { get; set; }
    }

    private static readonly Gen<Inner> s_inner = Gen.Select(
        Gen.String, Gen.Int.List[0, 3],
        (name, numbers) => new Inner { Name = name.Replace("\uFFFD", ""), Numbers = numbers });

    private static readonly Gen<Outer> s_outer = Gen.Select(
        s_inner.List[0, 3], s_inner, Gen.String[Gen.Char.AlphaNumeric, 1, 5].List[0, 3],
        Gen.String[Gen.Char.AlphaNumeric, 0, 5].List[0, 3].List[0, 3],
        (parts, one, keys, deep) => new Outer
        {
            Parts = parts,
            One = one,
            Counts = keys.Distinct().ToDictionary(key => key, key => key.Length),
            Deep = deep,
        });

    [Fact]
    public void NestedRows_ComeBackAsTheyWereWritten() =>
        s_outer.Array[1, 12].Sample(rows =>
        {
            var path = WriteAsync(rows).GetAwaiter().GetResult();
            var read = DatasetReader.Read(path, ["train"]).Select(row => row.Values).ToArray();
            Assert.Equal(rows.Length, read.Length);
            foreach (var (row, values) in rows.Zip(read))
            {
                Assert.True(JsonNode.DeepEquals(
                    System.Text.Json.JsonSerializer.SerializeToNode(row), values), values.ToJsonString());
            }
        }, iter: 30, threads: 1);

    [Fact]
    public async Task RowGroups_AreReadOneAfterTheOther()
    {
        var path = Path.Combine(_data.Folder, "groups.parquet");
        var rows = Enumerable.Range(0, 25).Select(i => new Values { Int = i, Text = i % 3 == 0 ? null : $"t{i}" });
        await using (var file = File.Create(path))
        {
            await ParquetSerializer.SerializeAsync(
                rows, file, new ParquetOptions { RowGroupSize = 10 },
                cancellationToken: TestContext.Current.CancellationToken);
        }

        var read = DatasetReader.Read(path, ["train"]).ToArray();
        Assert.Equal(Enumerable.Range(0, 25).Select(i => (long)i), read.Select(row => (long)row.Values["Int"]!));
        Assert.Equal("t22", (string?)read[22].Values["Text"]);
        Assert.Null(read[21].Values["Text"]);
        Assert.EndsWith(", row 25", read[24].Origin.ToString());
    }

    [Theory]
    [InlineData(CompressionMethod.None)]
    [InlineData(CompressionMethod.Snappy)]
    [InlineData(CompressionMethod.Gzip)]
    [InlineData(CompressionMethod.Zstd)]
    [InlineData(CompressionMethod.Brotli)]
    [InlineData(CompressionMethod.Lz4Raw)]
    public async Task EveryCompression_IsRead(CompressionMethod method)
    {
        var rows = Enumerable.Range(0, 500)
            .Select(i => new Values { Int = i, Text = $"text number {i % 7}", Double = i / 3.0 });
        var path = await WriteAsync(rows, new ParquetOptions { CompressionMethod = method });
        Assert.Equal(500, DatasetReader.Read(path, ["train"]).Select(row => (string)row.Values["Text"]!).Count());
        Assert.Equal(499 / 3.0, (double)DatasetReader.Read(path, ["train"]).Last().Values["Double"]!);
    }

    [Fact]
    public async Task AnyByteThatIsChanged_IsReadOrRefusedAndNeverHangs()
    {
        var path = await WriteAsync(
            [
                new Outer
                {
                    Parts = [new Inner { Name = "n", Numbers = [1, 2] }],
                    Counts = new() { ["k"] = 1 },
                    Deep = [["x"], []],
                }]);
        var whole = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        var random = new Random(15);
        for (var at = 0; at < whole.Length; at++)
        {
            var bytes = (byte[])whole.Clone();
            bytes[at] ^= (byte)(1 + random.Next(255));
            await File.WriteAllBytesAsync(path, bytes, TestContext.Current.CancellationToken);
            await Task.Run(() => Record.Exception(() => DataFixture.Rows(path)), TestContext.Current.CancellationToken)
                .ContinueWith(
                reading => Assert.True(reading.Result is null or DatasetException, $"byte {at}: {reading.Result}"),
                TaskScheduler.Default)
                .WaitAsync(TimeSpan.FromMinutes(10), TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task FooterWithoutAnEnd_IsRefused()
    {
        var path = await WriteAsync([new Values { Text = "a" }]);
        var bytes = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        bytes[^9] = 188;
        await File.WriteAllBytesAsync(path, bytes, TestContext.Current.CancellationToken);
        Assert.Contains(
            "cannot be read as parquet", Assert.Throws<DatasetException>(() => DataFixture.Rows(path)).Message);
    }

    [Fact]
    public void AnyBytes_AreReadWithinTheirBounds() =>
        Gen.Byte.Array[0, 200].Sample(bytes =>
        {
            var fault = Record.Exception(() => new ThriftReader(bytes).Read(ParquetShapes.File));
            Assert.True(fault is null or InvalidDataException or EndOfStreamException or OverflowException, $"{fault}");
        });

    [Fact]
    public async Task CutOrCompressedParquet_IsRefused()
    {
        var path = await WriteAsync([new Values { Text = "a" }]);
        var bytes = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        foreach (var length in (int[])[0, 4, 11, bytes.Length / 2, bytes.Length - 1])
        {
            await File.WriteAllBytesAsync(path, bytes[..length], TestContext.Current.CancellationToken);
            Assert.Contains(
                "cannot be read as parquet", Assert.Throws<DatasetException>(() => DataFixture.Rows(path)).Message);
        }

        var compressed = _data.Write("b.parquet.gz", "PAR1");
        Assert.Contains(
            "compressed as a whole", Assert.Throws<DatasetException>(() => DataFixture.Rows(compressed)).Message);
    }

    private async Task<string> WriteAsync<T>(IEnumerable<T> rows, ParquetOptions? options = null)
    {
        var path = Path.Combine(_data.Folder, $"{Guid.NewGuid()}.parquet");
        await using var file = File.Create(path);
        await ParquetSerializer.SerializeAsync(
            rows, file, options, cancellationToken: TestContext.Current.CancellationToken);
        return path;
    }
}
