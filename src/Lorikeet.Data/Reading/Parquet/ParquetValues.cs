using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json.Nodes;
using Parquet.Data;
using Parquet.File.Values.Primitives;
using Parquet.Schema;

namespace Lorikeet.Data.Reading.Parquet;

/// <summary>The values of a column as the datasets library shows them: <c>str()</c> of what it gives.</summary>
internal static class ParquetValues
{
    private static readonly UTF8Encoding s_strict = new(false, throwOnInvalidBytes: true);

    /// <summary>What gives the values of a column, by their place among those that are not null.</summary>
    /// <exception cref="NotSupportedException">Its type is not read.</exception>
    public static Func<int, JsonNode?> Of(DataField field, RawColumnData values)
    {
        // Of the null type: no value was ever known.
        if (field.SchemaElement?.LogicalType?.UNKNOWN is not null)
            return _ => null;
        return values switch
        {
            RawColumnData<ReadOnlyMemory<char>> texts => at => new string(texts.Values[at].Span),
            RawColumnData<ReadOnlyMemory<byte>> bytes when field.SchemaElement?.LogicalType?.FLOAT16 is not null =>
                at => Shortest(BitConverter.ToHalf(bytes.Values[at].Span)),
            RawColumnData<ReadOnlyMemory<byte>> bytes => at => TextOf(bytes.Values[at].Span),
            RawColumnData<bool> flags => at => flags.Values[at],
            RawColumnData<float> numbers => at => Shortest(numbers.Values[at]),
            RawColumnData<double> numbers => at => Number(numbers.Values[at]),
            RawColumnData<BigDecimal> decimals => at => Decimal(decimals.Values[at]),
            RawColumnData<int> times when field is TimeDataField => at =>
                Time(times.Values[at] * TimeSpan.TicksPerMillisecond, 0),
            RawColumnData<long> times when field is TimeDataField { Precision: TimeUnitPrecision.Nanos } =>
                at => Time(times.Values[at] / TimeSpan.NanosecondsPerTick,
                    times.Values[at] % TimeSpan.NanosecondsPerTick),
            RawColumnData<long> times when field is TimeDataField => at =>
                Time(times.Values[at] * TimeSpan.TicksPerMicrosecond, 0),
            RawColumnData<DateOnly> dates => at =>
                dates.Values[at].ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
            RawColumnData<DateTime> times => at =>
                Timestamp(times.Values[at],
                    field is DateTimeDataField { IsAdjustedToUTC: true, DateTimeFormat: DateTimeFormat.Timestamp }),
            RawColumnData<Guid> ids => at => ids.Values[at].ToString(),
            RawColumnData<Interval> intervals => at => Describe(intervals.Values[at]),
            RawColumnData<sbyte> numbers => at => (long)numbers.Values[at],
            RawColumnData<byte> numbers => at => (long)numbers.Values[at],
            RawColumnData<short> numbers => at => (long)numbers.Values[at],
            RawColumnData<ushort> numbers => at => (long)numbers.Values[at],
            RawColumnData<int> numbers => at => (long)numbers.Values[at],
            RawColumnData<uint> numbers => at => (long)numbers.Values[at],
            RawColumnData<long> numbers => at => numbers.Values[at],
            RawColumnData<ulong> numbers => at => numbers.Values[at],
            _ => throw new NotSupportedException(
                $"the column '{field.Path}' holds {field.ClrType.Name}, which is not read."),
        };
    }

    /// <summary>Text where the bytes are text, else base64.</summary>
    private static string TextOf(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return s_strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return Convert.ToBase64String(bytes);
        }
    }

    /// <summary>
    /// The shortest number that is nearest to this one among those of its size: 0.1, not 0.10000000149011612.
    /// </summary>
    private static JsonNode? Shortest<T>(T value) where T : IBinaryFloatingPointIeee754<T> =>
        Number(double.Parse(value.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture));

    /// <summary>A number; pandas and others write what is missing as not a number, and JSON has no infinity.</summary>
    private static JsonNode? Number(double value) =>
        double.IsNaN(value) ? null
        : double.IsFinite(value) ? value
        : value > 0 ? "inf" : "-inf";

    /// <summary>A decimal number with all of its places, as Python's Decimal keeps them.</summary>
    private static JsonNode? Decimal(BigDecimal value)
    {
        var digits = BigInteger.Abs(value.UnscaledValue).ToString(CultureInfo.InvariantCulture);
        if (value.Scale > 0)
        {
            digits = digits.PadLeft(value.Scale + 1, '0');
            digits = $"{digits[..^value.Scale]}.{digits[^value.Scale..]}";
        }

        return JsonNode.Parse(value.UnscaledValue.Sign < 0 ? $"-{digits}" : digits);
    }

    private static string Timestamp(DateTime value, bool isUtc) =>
        value.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)
        + Fraction(value.Ticks % TimeSpan.TicksPerSecond, 0) + (isUtc ? "+00:00" : "");

    private static string Time(long ticks, long nanoseconds) =>
        new TimeOnly(ticks).ToString("HH:mm:ss", CultureInfo.InvariantCulture)
            + Fraction(ticks % TimeSpan.TicksPerSecond, nanoseconds);

    /// <summary>Nothing for whole seconds, else six places, or nine where they are needed.</summary>
    private static string Fraction(long ticks, long nanoseconds)
    {
        var all = ticks * TimeSpan.NanosecondsPerTick + nanoseconds;
        return all == 0 ? ""
            : all % 1000 == 0 ? string.Create(CultureInfo.InvariantCulture, $".{all / 1000:D6}")
            : string.Create(CultureInfo.InvariantCulture, $".{all:D9}");
    }

    private static string Describe(Interval value) => string.Create(
        CultureInfo.InvariantCulture, $"{value.Months} months {value.Days} days {value.Millis / 1000.0} seconds");
}
