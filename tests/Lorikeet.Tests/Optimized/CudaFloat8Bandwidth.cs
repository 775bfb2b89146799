using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>
/// FP8 products of cuBLASLt in the shapes of a Llama-2-7B step of 4 x 1024 tokens, in all forms that it has of them,
/// and what quantizes their inputs. Run by hand as CudaBandwidth.
/// </summary>
public unsafe class CudaFloat8Bandwidth : CudaTestBase
{
    private const int Tokens = 4096;
    private const int Layers = 32;

    // Outputs and inputs of the products forward, then backward.
    private static readonly (string Name, int Outputs, int Columns)[] s_products =
    [
        ("q,k,v", 12288, 4096), ("output", 4096, 4096), ("gate,up", 22016, 4096), ("down", 4096, 11008),
        ("q,k,v back", 4096, 12288), ("output back", 4096, 4096), ("gate,up back", 4096, 22016),
        ("down back", 11008, 4096),
    ];

    private static readonly (string Name, ScaleLayout Scales, bool FastSums, bool WideRange, bool Adds)[] s_forms =
    [
        ("matrix", ScaleLayout.Matrix, true, false, false),
        ("matrix, exact sums", ScaleLayout.Matrix, false, false, false),
        ("rows", ScaleLayout.Rows, true, false, false), ("rows, exact sums", ScaleLayout.Rows, false, false, false),
        ("rows, added", ScaleLayout.Rows, true, false, true), ("rows, E5M2", ScaleLayout.Rows, true, true, false),
        ("blocks", ScaleLayout.Blocks, true, false, false),
        ("blocks, exact sums", ScaleLayout.Blocks, false, false, false),
    ];

    [Fact(Explicit = true)]
    public void Products()
    {
        using var library = new CublasLt(Device);
        var totals = new Dictionary<string, double>();
        foreach (var (name, outputs, columns) in s_products)
        {
            using var x = Random(Tokens, columns);
            using var w = Random(outputs, columns, scale: 0.02);
            using var y = Unwritten(Tokens, outputs);
            Report("bfloat16", CudaBandwidth.Milliseconds(() => Aten.Multiply(y.Tensor, x.Tensor, w.Transposed)));
            using var codesOfX = Float8Rows.Of(x.Tensor);
            using var codesOfW = Float8Rows.Of(w.Tensor);
            using var scales = ones([2 * Tokens * (columns / 128 + 4) + 2 * outputs], ScalarType.Float32, Device);
            foreach (var form in s_forms)
            {
                var product = new ScaledProduct(
                    outputs, Tokens, columns, outputs, form.Scales, form.FastSums, form.WideRange);
                var of = form.Scales == ScaleLayout.Rows;
                var (placeOfW, placeOfX) = (
                    Place(codesOfW.Codes, of ? codesOfW.Scales : scales),
                    Place(codesOfX.Codes, of ? codesOfX.Scales : scales));
                var algorithms = library.Algorithms(product);
                if (algorithms == 0)
                {
                    Write($"{name}, {form.Name}: the library does not have it");
                    continue;
                }

                double Time(int algorithm) => CudaBandwidth.Milliseconds(() =>
                    library.Multiply(product, placeOfW, placeOfX, (nint)y.Pointer, form.Adds, algorithm));
                Report(form.Name, Time(0));
                if (form is not ("rows", _, _, _, _) and not ("matrix", _, _, _, _))
                    continue;
                var times = Enumerable.Range(0, algorithms).Select(Time).ToArray();
                Report($"{form.Name}, best (number {Array.IndexOf(times, times.Min())} of {algorithms})", times.Min());
            }

            void Report(string form, double milliseconds)
            {
                var key = form.Split(" (")[0];
                totals[key] = totals.GetValueOrDefault(key) + Layers * milliseconds;
                Write(
                    $"{name} {outputs} x {columns}, {form}: {milliseconds * 1000:0} us, " +
                    $"{2.0 * Tokens * outputs * columns / milliseconds / 1e9:0} TFLOP/s");
            }
        }

        foreach (var (form, milliseconds) in totals)
            Write($"a step of {Layers} layers, {form}: {milliseconds:0.0} ms");
    }

    /// <summary>How far sums in the tensor cores' own accumulators are from those of float32.</summary>
    [Theory(Explicit = true)]
    [InlineData(4096)]
    [InlineData(22016)]
    public void Sums(int columns)
    {
        const int rows = 1024;
        using var library = new CublasLt(Device);
        using var x = Random(rows, columns);
        using var w = Random(rows, columns);
        using var y = Unwritten(rows, rows);
        using var codesOfX = Float8Rows.Of(x.Tensor);
        using var codesOfW = Float8Rows.Of(w.Tensor);
        var exact = codesOfX.Dequantize().to_type(ScalarType.Float64)
            .matmul(codesOfW.Dequantize().to_type(ScalarType.Float64).t());
        var unrounded = Wide(x).to_type(ScalarType.Float64).matmul(Wide(w).to_type(ScalarType.Float64).t());
        Write($"sums of {columns}: FP8 itself {Distance(unrounded, exact):0.00000} of the result");
        foreach (var fast in new[] { true, false })
        {
            library.Multiply(
                new ScaledProduct(rows, rows, columns, rows, FastSums: fast), Place(codesOfW.Codes, codesOfW.Scales),
                Place(codesOfX.Codes, codesOfX.Scales), (nint)y.Pointer, adds: false);
            Write(
                $"sums of {columns}, {(fast ? "fast" : "exact")}: " +
                $"{Distance(exact, y.Tensor.to_type(ScalarType.Float64)):0.00000}");
        }
    }

    /// <summary>
    /// What a step spends on quantizing, and on adding the adapters' products to those of the weights.
    /// </summary>
    [Fact(Explicit = true)]
    public void Others()
    {
        var (kernels, quantizing, adding) = (Float8Cuda.Of(Device), 0.0, 0.0);
        foreach (var (name, outputs, columns) in s_products)
        {
            var backward = name.EndsWith("back", StringComparison.Ordinal);
            using var x = Random(Tokens, columns);
            using var columnScales = ones([columns], ScalarType.Float32, Device);
            using var rows = Float8Rows.Of(x.Tensor);
            var milliseconds = CudaBandwidth.Milliseconds(() =>
                kernels.Quantize(x.Tensor, backward ? columnScales : null, rows.Codes, rows.Scales));
            quantizing += Layers * milliseconds;
            Write(
                $"quantize {name}: {milliseconds * 1000:0} us, {3.0 * Tokens * columns / milliseconds / 1e9:0.00} " +
                "TB/s");

            const int rank = 16;
            var ranks = rank * (name.StartsWith('q') ? 3 : name.StartsWith('g') ? 2 : 1);
            using var u = Random(Tokens, ranks);
            using var b = Random(outputs, ranks);
            using var y = Random(Tokens, outputs);
            var (after, before) = (
                CudaBandwidth.Milliseconds(() => Aten.AddProduct(y.Tensor, u.Tensor, b.Transposed)),
                CudaBandwidth.Milliseconds(() => Aten.Multiply(y.Tensor, u.Tensor, b.Transposed)));
            adding += Layers * after;
            Write($"U B of {name}: added afterwards {after * 1000:0} us, written before {before * 1000:0} us");
        }

        Write($"a step of {Layers} layers: quantizing {quantizing:0.0} ms, adding adapters {adding:0.0} ms");
    }

    private static double Distance(Tensor expected, Tensor actual) =>
        ((expected - actual).norm() / expected.norm()).item<double>();

    private static CodesPlace Place(Tensor codes, Tensor scales) =>
        new((nint)TensorMemory.Address(codes), (nint)TensorMemory.Address(scales));

    private static void Write(string line) => TestContext.Current.TestOutputHelper!.WriteLine(line);
}
