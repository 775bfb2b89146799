using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Lorikeet.Models.Native.Cuda;

/// <summary>
/// NVIDIA's matrix products in FP8 with scales, the library that comes with the libtorch in use:
/// y [rows, outputs] = x wᵀ in bfloat16, sums in float32.
/// </summary>
/// <remarks>
/// Reference: cuBLAS documentation, "Narrow precision data types usage" and cublasLt.h. Matrices are by columns there:
/// rows here are its columns, so w is A, transposed, and x is B. Other layouts of FP8 it does not take on Hopper.
/// </remarks>
internal sealed unsafe class CublasLt : IDisposable
{
    /// <summary>Algorithms that are asked for; the first is what NVIDIA's heuristic thinks the fastest.</summary>
    public const int MostAlgorithms = 8;

    private const int WorkspaceBytes = 32 << 20; // what NVIDIA recommends for compute capability 9.0
    private const int Float32 = 0, BFloat16 = 14, ComputeFloat32 = 68;
    private const int Unsupported = 15; // CUBLAS_STATUS_NOT_SUPPORTED

    private static readonly Lazy<nint> s_library = new(Load);
    private static readonly delegate* unmanaged<
        nint, nint, float*, nint, nint, nint, nint, float*, nint, nint, nint, nint, Algorithm*, nint, nuint, nint, int>
        s_multiply = (delegate* unmanaged<
            nint, nint, float*, nint, nint, nint, nint, float*, nint, nint, nint, nint, Algorithm*, nint, nuint, nint,
            int>)Export("cublasLtMatmul");

    private readonly CudaDevice _device;
    private readonly nint _handle;
    private readonly Tensor _workspace;
    private readonly Dictionary<ScaledProduct, Plan> _plans = [];

    /// <param name="device">Where it multiplies.</param>
    public CublasLt(Device device)
    {
        _device = CudaDevice.Of(Math.Max(device.index, 0));
        _device.Activate();
        nint handle;
        Require(((delegate* unmanaged<nint*, int>)Export("cublasLtCreate"))(&handle), "opening");
        _handle = handle;
        _workspace = empty([WorkspaceBytes], ScalarType.Byte, device).DetachFromDisposeScope();
    }

    /// <summary>How many algorithms there are for a product; 0 where the library does not have it.</summary>
    public int Algorithms(ScaledProduct product) => PlanOf(product).Algorithms.Length;

    /// <summary>y = x wᵀ, or y += x wᵀ.</summary>
    /// <param name="product">Shapes, types and scales.</param>
    /// <param name="w">[outputs, columns].</param>
    /// <param name="x">[rows, columns].</param>
    /// <param name="y">[rows, outputs] in bfloat16, its rows <see cref="ScaledProduct.Pitch"/> elements apart.</param>
    /// <param name="adds">Whether to add to what y has.</param>
    /// <param name="algorithm">Which of those that the library offers; the first unless said.</param>
    public void Multiply(
        ScaledProduct product, CodesPlace w, CodesPlace x, nint y, bool adds, int algorithm = 0)
    {
        var plan = PlanOf(product);
        if (plan.Algorithms.Length == 0)
        {
            throw new DeviceException(
                $"cuBLASLt has no product of {product.Rows} x {product.Columns} and {product.Outputs} x " +
                $"{product.Columns} in FP8 ({product.Scales}) on '{_device.Name}'. Leave fp8 out.");
        }

        _device.Activate();
        Set(plan.Description, Attribute.ScaleOfA, w.Scales);
        Set(plan.Description, Attribute.ScaleOfB, x.Scales);
        float one = 1, kept = adds ? 1 : 0;
        fixed (Algorithm* chosen = &plan.Algorithms[algorithm])
        {
            Require(
                s_multiply(
                    _handle, plan.Description, &one, w.Codes, plan.A, x.Codes, plan.B, &kept, y, plan.D, y, plan.D,
                    chosen, (nint)TensorMemory.Address(_workspace), WorkspaceBytes, _device.Stream), "a product");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _device.Activate();
        foreach (var plan in _plans.Values)
        {
            _ = ((delegate* unmanaged<nint, int>)Export("cublasLtMatmulDescDestroy"))(plan.Description);
            foreach (var layout in (nint[])[plan.A, plan.B, plan.D])
                _ = ((delegate* unmanaged<nint, int>)Export("cublasLtMatrixLayoutDestroy"))(layout);
        }

        _ = ((delegate* unmanaged<nint, int>)Export("cublasLtDestroy"))(_handle);
        _workspace.Dispose();
    }

    private Plan PlanOf(ScaledProduct product)
    {
        if (_plans.TryGetValue(product, out var plan))
            return plan;
        _device.Activate();
        nint description;
        Require(
            ((delegate* unmanaged<nint*, int, int, int>)Export("cublasLtMatmulDescCreate"))(
                &description, ComputeFloat32, Float32), "a description");
        var (modeOfW, modeOfX) = product.Modes;
        Set(description, Attribute.TransposesA, 1);
        Set(description, Attribute.TransposesB, 0);
        Set(description, Attribute.ModeOfA, modeOfW);
        Set(description, Attribute.ModeOfB, modeOfX);
        Set(description, Attribute.FastAccumulation, (byte)(product.FastSums ? 1 : 0));
        // The heuristic looks at the addresses' presence and alignment; each product sets its own.
        Set(description, Attribute.ScaleOfA, (nint)TensorMemory.Address(_workspace));
        Set(description, Attribute.ScaleOfB, (nint)TensorMemory.Address(_workspace));
        var a = Layout(ScaledProduct.TypeOfW, product.Columns, product.Outputs, product.Columns);
        var b = Layout(product.TypeOfX, product.Columns, product.Rows, product.Columns);
        var d = Layout(BFloat16, product.Outputs, product.Rows, product.Pitch);
        return _plans[product] = new Plan(description, a, b, d, Choose(description, a, b, d));
    }

    private Algorithm[] Choose(nint description, nint a, nint b, nint d)
    {
        const int mostWorkspace = 1; // CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES
        nint preference;
        nuint bytes = WorkspaceBytes;
        Require(
            ((delegate* unmanaged<nint*, int>)Export("cublasLtMatmulPreferenceCreate"))(&preference), "a preference");
        Require(
            ((delegate* unmanaged<nint, int, void*, nuint, int>)Export("cublasLtMatmulPreferenceSetAttribute"))(
                preference, mostWorkspace, &bytes, (nuint)sizeof(nuint)), "a preference's workspace");
        var found = stackalloc Candidate[MostAlgorithms];
        int count;
        var status = ((delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, int, Candidate*, int*, int>)Export(
            "cublasLtMatmulAlgoGetHeuristic"))(
            _handle, description, a, b, d, d, preference, MostAlgorithms, found, &count);
        _ = ((delegate* unmanaged<nint, int>)Export("cublasLtMatmulPreferenceDestroy"))(preference);
        if (status == Unsupported)
            return [];
        Require(status, "a choice of algorithms");
        return [.. new Span<Candidate>(found, count).ToArray().Where(each => each.State == 0)
            .Select(each => each.Algorithm)];
    }

    private static nint Layout(int type, int rows, int columns, int pitch)
    {
        nint layout;
        Require(
            ((delegate* unmanaged<nint*, int, ulong, ulong, long, int>)Export("cublasLtMatrixLayoutCreate"))(
                &layout, type, (ulong)rows, (ulong)columns, pitch), "a layout");
        return layout;
    }

    private static void Set<T>(nint description, Attribute attribute, T value) where T : unmanaged => Require(
        ((delegate* unmanaged<nint, int, void*, nuint, int>)Export("cublasLtMatmulDescSetAttribute"))(
            description, (int)attribute, &value, (nuint)sizeof(T)), $"{attribute} of a description");

    private static nint Load()
    {
        string[] names = OperatingSystem.IsWindows()
            ? ["cublasLt64_13.dll", "cublasLt64_12.dll"]
            : ["libcublasLt.so.13", "libcublasLt.so.12"];
        foreach (var name in names)
            if (NativeLibrary.TryLoad(name, out var library))
                return library;
        throw new DeviceException(
            $"NVIDIA's matrix library ({string.Join(" or ", names)}) was found neither among the libraries that " +
            "libtorch loaded nor on the library path. Add its folder to LD_LIBRARY_PATH.");
    }

    private static nint Export(string name) => NativeLibrary.GetExport(s_library.Value, name);

    private static void Require(int status, string what)
    {
        if (status != 0)
            throw new DeviceException($"cuBLASLt failed with status {status}: {what}.");
    }

    // cublasLtMatmulDescAttributes_t
    private enum Attribute
    {
        TransposesA = 3,
        TransposesB = 4,
        ScaleOfA = 17,
        ScaleOfB = 18,
        FastAccumulation = 25,
        ModeOfA = 31,
        ModeOfB = 32,
    }

    private sealed record Plan(nint Description, nint A, nint B, nint D, Algorithm[] Algorithms);

    // cublasLtMatmulAlgo_t
    [InlineArray(8)]
    private struct Algorithm
    {
        private ulong _part;
    }

    // cublasLtMatmulHeuristicResult_t
    [StructLayout(LayoutKind.Sequential)]
    private struct Candidate
    {
        public Algorithm Algorithm;
        public nuint Workspace;
        public int State;
        public float Waves;
        private fixed int _reserved[4];
    }
}

/// <summary>Codes in memory of the device, without gaps, and their scales.</summary>
/// <param name="Codes">Address of the first code.</param>
/// <param name="Scales">Address of the first float32 scale.</param>
internal readonly record struct CodesPlace(nint Codes, nint Scales);

/// <summary>How the scales of a product in FP8 lie.</summary>
internal enum ScaleLayout
{
    /// <summary>One for all of a matrix.</summary>
    Matrix,

    /// <summary>One a row of w and one a row of x.</summary>
    Rows,

    /// <summary>One for 128 x 128 elements of w and one for 128 elements of a row of x.</summary>
    Blocks,
}

/// <summary>The shape of a product y = x wᵀ in FP8.</summary>
/// <param name="Outputs">Rows of w.</param>
/// <param name="Rows">Rows of x.</param>
/// <param name="Columns">Columns of both.</param>
/// <param name="Pitch">Elements from one row of y to the next.</param>
/// <param name="Scales">How the scales lie.</param>
/// <param name="FastSums">
/// Whether sums stay in the tensor cores' own accumulators, of some 14 bits, until the end.
/// </param>
/// <param name="WideRange">Whether x has five bits of exponent and two of fraction (E5M2).</param>
internal readonly record struct ScaledProduct(
    int Outputs, int Rows, int Columns, int Pitch, ScaleLayout Scales = ScaleLayout.Rows, bool FastSums = true,
    bool WideRange = false)
{
    /// <summary>cudaDataType_t of w.</summary>
    public const int TypeOfW = E4M3;

    private const int E4M3 = 28, E5M2 = 29;

    /// <summary>cudaDataType_t of x.</summary>
    public int TypeOfX => WideRange ? E5M2 : E4M3;

    /// <summary>cublasLtMatmulMatrixScale_t of w and x.</summary>
    public (int W, int X) Modes => Scales switch
    {
        ScaleLayout.Matrix => (0, 0),
        ScaleLayout.Rows => (3, 3),
        _ => (5, 4),
    };
}
